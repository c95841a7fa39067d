import { appendFile, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Failure, failureRecord } from '../../../src/domain/failure.js';
import type { RunEvent } from '../../../src/run/events.js';
import { FileJournal, journalPath, listRuns, readJournal, readRun } from '../../../src/run/journal.js';
import { fakeRegistry } from '../../fakes/world.js';
import { Gate, graph, planOf, RunHarness, sequence, step } from './builders.js';

let home: string;
let path: string;
const open: FileJournal[] = [];
const secretless = (text: string) => text.replaceAll('hunter2', '***');

function journal(run = 'run-1'): FileJournal {
  const opened = new FileJournal(join(home, 'runs'), run, secretless);
  open.push(opened);
  return opened;
}

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'oneclick-journal-'));
  path = journalPath(join(home, 'runs'), 'run-1');
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  await rm(home, { recursive: true });
});

const warning = (text: string): RunEvent => ({ type: 'run.warning', text });
const texts = async () => (await readJournal(path)).map((event) => 'text' in event && event.text);

describe('a journal', () => {
  it('returns every event of a run', async () => {
    const harness = new RunHarness();
    harness.world.faults = new Map([['b', { when: 'before', kind: 'unhealthy' }]]);
    const branches = graph(
      { id: 'x', after: [], node: step('a') },
      { id: 'y', after: ['x'], node: step('b') },
    );
    await harness.start(planOf(sequence(step('k', 'keep'), branches)), { journal: journal() });
    expect(await readJournal(path)).toEqual(JSON.parse(JSON.stringify(harness.events)));
  });

  it('has no secrets in texts, and keeps names in plan and intent unchanged', async () => {
    const failure = failureRecord(
      new Failure('failed', 'command.failed', 'it printed hunter2', {
        hint: 'hunter2?',
        evidence: ['log: hunter2'],
      }),
    );
    const started = {
      type: 'step.started',
      at: '',
      step: 'a',
      title: 'run hunter2',
      changes: [{ text: 'hunter2' }],
    } as const;
    await Promise.all([
      journal().append({ type: 'step.failed', step: 'a', ms: 1, failure }),
      journal().append(warning('hunter2')),
      journal().append({ ...started, intent: { name: 'hunter2' } }),
    ]);
    const text = await readFile(path, 'utf8');
    expect(text.match(/.{9}hunter2/g)).toEqual(['{"name":"hunter2']);
  });

  it.each([
    ['plan', { type: 'run.started', at: '' }],
    ['intent', { type: 'step.started', at: '', step: 'a', title: '', changes: [] }],
    ['receipt', { type: 'step.skipped', step: 'a', because: '' }],
    ['receipt', { type: 'step.done', step: 'a', ms: 1 }],
  ])('has no secrets in values that users write in a %s, which is marked', async (key, event) => {
    const data = {
      host: 'hunter2',
      services: [{ env: { URL: 'db://hunter2' }, image: { args: { A: 'hunter2' } } }],
      params: { to: 1, note: 'hunter2' },
      command: ['migrate', 'hunter2'],
      docker: { HostConfig: { ExtraHosts: ['hunter2'] } },
    };
    await journal().append({ ...event, [key]: data } as unknown as RunEvent);
    await journal().append({ ...event, [key]: { host: 'hunter2' } } as unknown as RunEvent);
    const [one = '', other] = (await readFile(path, 'utf8')).split('\n');
    expect(one.match(/.{8}hunter2/g)).toEqual(['"host":"hunter2']);
    expect(JSON.parse(one)).toMatchObject({ redacted: true, [key]: { params: { to: 1, note: '***' } } });
    expect(other).not.toContain('redacted');
  });

  it('is ignored by git, also in a folder of an older version', async () => {
    await mkdir(join(home, 'runs'));
    await journal().append(warning('hello'));
    expect(await readFile(join(home, 'runs/.gitignore'), 'utf8')).toBe('*\n');
    await writeFile(join(home, 'runs/.gitignore'), '!run-9.jsonl\n');
    await journal('run-2').append(warning('hello'));
    expect(await readFile(join(home, 'runs/.gitignore'), 'utf8')).toBe('!run-9.jsonl\n');
  });

  it('marks only receipts that contained a secret', async () => {
    const done = { type: 'step.done', ms: 1 } as const;
    await journal().append({ ...done, step: 'a', receipt: { output: 'the key is hunter2' } });
    await journal().append({ ...done, step: 'b', receipt: { output: 'nothing', name: 'hunter2' } });
    expect(await readJournal(path)).toEqual([
      { ...done, step: 'a', receipt: { output: 'the key is ***' }, redacted: true },
      { ...done, step: 'b', receipt: { output: 'nothing', name: 'hunter2' } },
    ]);
  });

  it('is readable by its owner only', async () => {
    await journal().append(warning('hello'));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'runs'))).mode & 0o777).toBe(0o700);
  });

  it('creates no file before the first event', async () => {
    journal();
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('writes events and resolves in the order of the calls', async () => {
    const one = journal();
    const answered: number[] = [];
    const numbers = [...Array(50).keys()];
    await Promise.all(numbers.map((n) => one.append(warning(`${n}`)).then(() => answered.push(n))));
    expect(await texts()).toEqual(numbers.map(String));
    expect(answered).toEqual(numbers);
  });

  it('skips an incomplete last line, and the next process overwrites it', async () => {
    await journal().append(warning('whole'));
    await appendFile(path, '{"type":"run.warn');
    expect(await texts()).toEqual(['whole']);
    await journal().append(warning('next'));
    expect(await texts()).toEqual(['whole', 'next']);
  });

  it('cut anywhere loses only the incomplete line', async () => {
    const harness = new RunHarness();
    await harness.start(planOf(sequence(step('a'), step('ä-ö-ü-€'))));
    for (const event of harness.journal.events) await journal().append(event);
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length }), async (length) => {
        await writeFile(path, whole.subarray(0, length));
        const lines = whole.subarray(0, length).toString().split('\n').length - 1;
        expect(await readJournal(path)).toEqual(harness.journal.events.slice(0, lines));
      }),
      { numRuns: 50 },
    );
  });

  it('rejects garbage in the middle with file and line', async () => {
    const one = journal();
    for (const text of ['a', 'b']) await one.append(warning(text));
    await writeFile(path, (await readFile(path, 'utf8')).replace('{', '<'));
    await expect(readJournal(path)).rejects.toMatchObject({
      kind: 'usage',
      code: 'journal.damaged',
      message: expect.stringContaining(`${path}:1`),
    });
  });

  it('rejects JSON that is not an event', async () => {
    const one = journal();
    await one.append(warning('a'));
    await appendFile(path, '{"type":"run.ended","at":"now","ms":1,"outcome":{"result":"fine"}}\n');
    await expect(readJournal(path)).rejects.toThrow(`${path}:2: not a valid event: outcome.result`);
  });

  it('is rejected if nested too deeply', async () => {
    const depth = 20_000;
    await journal().append(warning('a'));
    await writeFile(path, `{"type":"x","steps":${'['.repeat(depth)}${']'.repeat(depth)}}\n`);
    await expect(readJournal(path)).rejects.toThrow(`${path}:1: nested too deeply`);
  });

  it('is rejected if it is not UTF-8', async () => {
    await journal().append(warning('a?'));
    await writeFile(
      path,
      (await readFile(path)).map((byte) => (byte === 0x3f ? 0xff : byte)),
    );
    await expect(readJournal(path)).rejects.toThrow(`${path}:1: not UTF-8`);
  });

  it('is rejected if it is too large', async () => {
    await journal().append(warning('a'));
    await truncate(path, 65 * 1024 * 1024);
    await expect(readJournal(path)).rejects.toMatchObject({ code: 'journal.size' });
  });

  it('is reported as missing if there is none', async () => {
    await expect(readJournal(path)).rejects.toMatchObject({ kind: 'usage', code: 'journal.missing' });
  });

  it('cannot be outside its folder', () => {
    expect(() => journalPath(home, '../../etc/passwd')).toThrow('invalid run ID');
  });

  it('rejects if it cannot be written', async () => {
    await writeFile(join(home, 'file'), '');
    const nowhere = new FileJournal(join(home, 'file'), 'run-1', secretless);
    await expect(nowhere.append(warning('a'))).rejects.toThrow();
    await expect(nowhere.append(warning('b'))).rejects.toThrow();
  });
});

describe('a run', () => {
  const journaled = async (...events: readonly RunEvent[]) => {
    for (const event of events) await journal().append(event);
    return readRun(path, fakeRegistry);
  };
  const start: RunEvent = { type: 'run.started', at: 'now', plan: planOf(step('a')) };
  const stepStarted = (intent: unknown): RunEvent => ({
    ...{ type: 'step.started', at: 'now', step: 'a', title: 'a', changes: [], intent },
  });

  it('is rejected if the journal has an intent that its task cannot undo', async () => {
    await expect(journaled(start, stepStarted(7))).rejects.toThrow(`${path}:2: invalid intent of a`);
  });

  it.each<[string, readonly RunEvent[], string]>([
    ['no start', [warning('a')], '1: the first event must be run.started'],
    ['two starts', [start, start], '2: run.started appears twice'],
    [
      'a step of another plan',
      [start, { ...stepStarted({}), step: 'b' } as RunEvent],
      '2: b is not a step in the plan',
    ],
    [
      'a result without a start',
      [start, { type: 'step.done', step: 'a', ms: 1, receipt: {} }],
      '2: a is done but never started',
    ],
    ['a step twice', [{ ...start, plan: planOf(sequence(step('a'), step('a'))) }], '1: duplicate step a'],
  ])('is rejected if its journal has %s', async (_, events, message) => {
    await expect(journaled(...events)).rejects.toMatchObject({
      ...{ kind: 'usage', code: 'journal.damaged', message: `${path}:${message}` },
    });
  });

  it('is rejected if its journal is empty', async () => {
    await journal().append(warning('a'));
    await truncate(path, 0);
    await expect(readRun(path)).rejects.toThrow(`${path}:1: the journal is empty`);
  });
});

describe('the list of runs', () => {
  const started = (id: string, hour: number) => {
    const plan = planOf(sequence(step('a'), step('b')));
    return { ...plan, run: { ...plan.run, id, started: `2026-01-01T0${hour}:00:00.000Z` } };
  };

  it('is empty without a folder', async () => {
    expect(await listRuns(join(home, 'nowhere'))).toEqual([]);
  });

  it('has the state of each run, newest first', async () => {
    const ended = new RunHarness();
    await ended.start(started('ended', 1), { journal: journal('ended') });
    const unfinished = new RunHarness();
    const gate = new Gate();
    unfinished.world.pause = gate.once;
    void unfinished.start(started('unfinished', 2), { journal: journal('unfinished') });
    await gate.reached;
    const undoing = new RunHarness();
    undoing.world.faults = new Map([
      ['a', { when: 'undo', kind: 'unreachable' }],
      ['b', { when: 'before', kind: 'failed' }],
    ]);
    await undoing.start(started('undoing', 3), { journal: journal('undoing') });
    await writeFile(join(home, 'runs', 'odd.jsonl'), 'odd\n');
    await writeFile(join(home, 'runs', 'never-began.jsonl'), '{"type":"run.star');
    expect(await listRuns(join(home, 'runs'))).toMatchObject([
      { id: 'undoing', state: 'undoing', outcome: { result: 'incomplete' } },
      { id: 'unfinished', state: 'unfinished', run: { recipe: 'test' } },
      { id: 'ended', state: 'ended', outcome: { result: 'done' } },
      { id: 'odd', state: 'unreadable', problem: { code: 'journal.damaged' } },
    ]);
  });
});
