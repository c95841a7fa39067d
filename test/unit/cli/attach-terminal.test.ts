import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { attachTerminal, type TerminalOptions } from '../../../src/cli/commands/exec/attach-terminal.js';
import { processTerminal } from '../../../src/cli/commands/exec/local-terminal.js';
import { relayLines } from '../../../src/cli/commands/exec/relay-lines.js';
import { lostFailure } from '../../../src/host/failures.js';
import { BufferOutput } from '../../fakes/output.js';
import { FakeProcess, type RunCommand } from '../../fakes/process.js';

const shout: RunCommand = (_, input) => ({ code: 3, stdout: input.toUpperCase(), stderr: 'err' });

let output: BufferOutput;
let stdin: PassThrough;
let modes: boolean[];
let stdout: EventEmitter & { columns: number; rows: number };
let stop: AbortController;

beforeEach(() => {
  output = new BufferOutput();
  stdin = new PassThrough();
  modes = [];
  stdout = Object.assign(new EventEmitter(), { columns: 100, rows: 30 });
  stop = new AbortController();
});

function ends(parts: Partial<TerminalOptions> = {}): TerminalOptions {
  const keyboard = Object.assign(stdin, { isTTY: true, setRawMode: (raw: boolean) => void modes.push(raw) });
  const terminal = processTerminal({ stdin: keyboard, stdout, stderr: {}, stty: () => {} }, output);
  return { terminal, output, input: true, tty: true, signal: stop.signal, ...parts };
}

const started = (tty: boolean, runs: RunCommand = shout) =>
  new FakeProcess(
    ['sh'],
    { input: true, ...(tty ? { terminal: { columns: 100, rows: 30 } } : {}) },
    runs,
    () => undefined,
  );
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('attaching the terminal to a process', () => {
  it('passes on input and output, and resolves to the exit code', async () => {
    const code = attachTerminal(started(false), ends({ tty: false }));
    stdin.write('one ');
    stdin.end('two');
    expect(await code).toBe(3);
    expect([output.stdout.text, output.stderr.text, modes]).toEqual(['ONE TWO', 'err', []]);
  });

  it('uses raw mode, follows the terminal size and restores the terminal', async () => {
    const process = started(true);
    const code = attachTerminal(process, ends());
    stdin.write('ls');
    await turn();
    Object.assign(stdout, { columns: 120, rows: 40 }).emit('resize');
    process.end();
    expect(await code).toBe(3);
    expect(process.sizes).toEqual([
      { columns: 100, rows: 30 },
      { columns: 120, rows: 40 },
    ]);
    expect([modes, output.stdout.text]).toEqual([[true, false], 'LSerr']);
    stdout.emit('resize');
    expect(process.sizes).toHaveLength(2);
    expect(stdin.listenerCount('data')).toBe(0);
  });

  it('restores the terminal when the connection is lost', async () => {
    const process = started(true);
    const code = attachTerminal(process, ends());
    await turn();
    process.break(lostFailure('web-1'));
    await expect(code).rejects.toMatchObject({ code: 'host.lost' });
    expect(modes).toEqual([true, false]);
  });

  it('restores the terminal when it is aborted, and when this process exits', async () => {
    const process = started(true);
    const code = attachTerminal(process, ends());
    await turn();
    stop.abort('SIGTERM');
    await expect(code).rejects.toBe('SIGTERM');
    expect([process.closed, modes]).toEqual([true, [true, false]]);
    void attachTerminal(started(true), ends({ signal: new AbortController().signal }));
    await turn();
    output.exit();
    expect(modes).toEqual([true, false, true, false]);
  });

  it('ends when the reader of the output is gone', async () => {
    output.stdout.reader = async () => false;
    const process = started(false);
    const code = attachTerminal(process, ends({ tty: false }));
    stdin.end('text');
    expect([await code, process.closed]).toEqual([141, true]);
  });
});

describe('lines of a process', () => {
  it('arrive one by one without escapes, however they are split', async () => {
    const lines: string[] = [];
    const process = started(false, () => ({ code: 0, stdout: 'a\n\u001b[1mb\u001b[0m\n\nc', stderr: 'd\n' }));
    process.end();
    const take = async (stream: string, text: string) => void lines.push(`${stream} ${text}`);
    expect(await relayLines(process, take, stop.signal)).toBe(0);
    expect(lines).toEqual(['stdout a', 'stdout b', 'stdout ', 'stderr d', 'stdout c']);
  });
});
