import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { type OutputProcess, processOutput } from '../../../src/report/output.js';
import { confirm, type Prompter, terminalPrompter } from '../../../src/report/prompter.js';
import { BufferOutput } from '../../fakes/output.js';

const processWith = (tty: boolean, env: OutputProcess['env'] = {}) => {
  const written: string[] = [];
  const listeners = new Set<() => void>();
  const stream = {
    write: (data: string | Buffer) => written.push(data.toString()),
    on: () => undefined,
    ...{ isTTY: tty, columns: 132, rows: 40 },
  };
  const process: OutputProcess = {
    stdout: stream,
    stderr: stream,
    env,
    once: (_, listener) => listeners.add(listener),
    removeListener: (_, listener) => listeners.delete(listener),
  };
  return { process, written, listeners };
};

const same = (text: string) => text;

describe('the output of the process', () => {
  it('redacts everything that is written', () => {
    const { process, written } = processWith(false);
    const output = processOutput(process, (text) => text.replaceAll('hunter22', '***'));
    output.stdout.write('a hunter22\n');
    output.stderr.write('b hunter22\n');
    expect(written).toEqual(['a ***\n', 'b ***\n']);
  });

  it('writes raw bytes unchanged, and reports when it is ready or its reader is gone', async () => {
    const { process, written } = processWith(false);
    const pipe = Object.assign(new EventEmitter(), { write: process.stdout.write, writableNeedDrain: true });
    const { stdout } = processOutput({ ...process, stdout: pipe }, () => '***');
    stdout.writeRaw(Buffer.from('hunter22'));
    expect(written).toEqual(['hunter22']);
    const room = stdout.ready();
    pipe.emit('drain');
    expect(await room).toBe(true);
    const none = stdout.ready();
    pipe.emit('error', new Error('EPIPE'));
    expect([await none, await stdout.ready()]).toEqual([false, false]);
  });

  it('is interactive only on a terminal that is neither in CI nor dumb', () => {
    const interactive = (tty: boolean, env: OutputProcess['env'] = {}) =>
      processOutput(processWith(tty, env).process, same).interactive;
    expect(interactive(true)).toBe(true);
    expect(interactive(false)).toBe(false);
    expect(interactive(true, { CI: 'true' })).toBe(false);
    expect(interactive(true, { CI: 'false' })).toBe(true);
    expect(interactive(true, { TERM: 'dumb' })).toBe(false);
  });

  it('is attended on every terminal, even a dumb one, outside CI', () => {
    const attended = (tty: boolean, env: OutputProcess['env'] = {}) =>
      processOutput(processWith(tty, env).process, same).attended;
    expect([attended(true), attended(true, { TERM: 'dumb' })]).toEqual([true, true]);
    expect([attended(false), attended(true, { CI: '1' })]).toEqual([false, false]);
  });

  it('has color on a terminal unless NO_COLOR or FORCE_COLOR overrides it', () => {
    const color = (tty: boolean, env: OutputProcess['env'] = {}) =>
      processOutput(processWith(tty, env).process, same).stderr.color;
    expect(color(true)).toBe(true);
    expect(color(false)).toBe(false);
    expect(color(true, { NO_COLOR: '1' })).toBe(false);
    expect(color(false, { FORCE_COLOR: '1' })).toBe(true);
    expect(color(true, { FORCE_COLOR: '0' })).toBe(false);
  });

  it('is as wide as the terminal, and unlimited without one', () => {
    expect(processOutput(processWith(true).process, same).stdout.columns).toBe(132);
    expect(processOutput(processWith(false).process, same).stdout.columns).toBe(Number.POSITIVE_INFINITY);
  });

  it('cancels a restore', () => {
    const { process, listeners } = processWith(true);
    const cancel = processOutput(process, same).atExit(() => undefined);
    expect(listeners.size).toBe(1);
    cancel();
    expect(listeners.size).toBe(0);
  });
});

describe('a question', () => {
  const answering = (answer: string | undefined, possible = true): Prompter => ({
    available: possible,
    enabled: true,
    readLine: async () => answer,
  });

  it('is confirmed only by y or yes', async () => {
    const answers = ['y', 'YES', ' yes ', 'n', '', 'yep', undefined];
    const confirmed = await Promise.all(answers.map((answer) => confirm('Deploy?', answering(answer))));
    expect(confirmed).toEqual([true, true, true, false, false, false, false]);
  });

  it('fails without a terminal and suggests the flag', async () => {
    const refused = confirm('Deploy web?', answering('y', false), '--yes');
    await expect(refused).rejects.toBeInstanceOf(Failure);
    await expect(refused).rejects.toMatchObject({
      kind: 'usage',
      code: 'confirm.terminal',
      hint: 'add --yes',
    });
  });

  it('fails with --no-input and suggests the flag', async () => {
    const refused = confirm('Deploy web?', { ...answering('y'), enabled: false });
    await expect(refused).rejects.toMatchObject({ kind: 'usage', hint: 'add --yes' });
    await expect(refused).rejects.toThrow('--no-input');
  });

  it('is printed to stderr and read from stdin; the end of input means no', async () => {
    const ask = (text: string, tty: boolean) => {
      const output = new BufferOutput({ interactive: true });
      const stdin = Object.assign(new PassThrough(), { isTTY: tty });
      stdin.end(text);
      return { output, ask: terminalPrompter(stdin, output, true) };
    };
    const yes = ask('yes\n', true);
    await expect(confirm('Deploy?', yes.ask)).resolves.toBe(true);
    expect(yes.output.stderr.text).toBe('Deploy? [y/N] ');
    await expect(confirm('Deploy?', ask('', true).ask)).resolves.toBe(false);
    await expect(confirm('Deploy?', ask('y\n', false).ask)).rejects.toMatchObject({ kind: 'usage' });
  });
});
