import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Failure, failureRecord } from '../../../src/domain/failure.js';
import type { RunEvent } from '../../../src/run/events.js';
import { FileJournal, journalPath, listRuns, readJournal, readRun } from '../../../src/run/journal.js';
import { fakeRegistry } from '../../fakes/world.js';
import { Bench, Gate, graph, planOf, sequence, step } from './builders.js';

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
  it('gives back every event of a run', async () => {
    const bench = new Bench();
    bench.world.faults = new Map([['b', { when: 'before', kind: 'unhealthy' }]]);
    const branches = graph(
      { id: 'x', after: [], node: step('a') },
      { id: 'y', after: ['x'], node: step('b') },
    );
    await bench.start(planOf(sequence(step('k', 'keep'), branches)), { journal: journal() });
    expect(await readJournal(path)).toEqual(JSON.parse(JSON.stringify(bench.said)));
  });

  it('holds no secret in the texts of its events, and keeps plan and intent to the letter', async () => {
    const failure = failureRecord(
      new Failure('failed', 'command.failed', 'it said hunter2', {
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

  it('marks a receipt that held a secret, and no other', async () => {
    const done = { type: 'step.done', ms: 1 } as const;
    await journal().append({ ...done, step: 'a', receipt: { output: 'the key is hunter2' } });
    await journal().append({ ...done, step: 'b', receipt: { output: 'nothing', name: 'hunter2' } });
    expect(await readJournal(path)).toEqual([
      { ...done, step: 'a', receipt: { output: 'the key is ***' }, redacted: true },
      { ...done, step: 'b', receipt: { output: 'nothing', name: 'hunter2' } },
    ]);
  });

  it('can be read by its owner only', async () => {
    await journal().append(warning('hello'));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'runs'))).mode & 0o777).toBe(0o700);
  });

  it('makes no file before the first event', async () => {
    journal();
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('keeps events in the order of the calls and answers in that order', async () => {
    const one = journal();
    const answered: number[] = [];
    const numbers = [...Array(50).keys()];
    await Promise.all(numbers.map((n) => one.append(warning(`${n}`)).then(() => answered.push(n))));
    expect(await texts()).toEqual(numbers.map(String));
    expect(answered).toEqual(numbers);
  });

  it('leaves out a torn last line, and the next process writes over it', async () => {
    await journal().append(warning('whole'));
    await appendFile(path, '{"type":"run.warn');
    expect(await texts()).toEqual(['whole']);
    await journal().append(warning('next'));
    expect(await texts()).toEqual(['whole', 'next']);
  });

  it('torn anywhere loses no more than its torn line', async () => {
    const bench = new Bench();
    await bench.start(planOf(sequence(step('a'), step('ä-ö-ü-€'))));
    for (const event of bench.journal.events) await journal().append(event);
    const whole = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length }), async (length) => {
        await writeFile(path, whole.subarray(0, length));
        const lines = whole.subarray(0, length).toString().split('\n').length - 1;
        expect(await readJournal(path)).toEqual(bench.journal.events.slice(0, lines));
      }),
      { numRuns: 50 },
    );
  });

  it('refuses garbage in the middle with file and line', async () => {
    const one = journal();
    for (const text of ['a', 'b']) await one.append(warning(text));
    await writeFile(path, (await readFile(path, 'utf8')).replace('{', '<'));
    await expect(readJournal(path)).rejects.toMatchObject({
      kind: 'usage',
      code: 'journal.damaged',
      message: expect.stringContaining(`${path}:1`),
    });
  });

  it('refuses what is JSON but no event', async () => {
    const one = journal();
    await one.append(warning('a'));
    await appendFile(path, '{"type":"run.ended","at":"now","ms":1,"outcome":{"result":"fine"}}\n');
    await expect(readJournal(path)).rejects.toThrow(`${path}:2: not an event of a run: outcome.result`);
  });

  it('nested without end is refused before anything goes into its depth', async () => {
    const depth = 20_000;
    await journal().append(warning('a'));
    await writeFile(path, `{"type":"x","steps":${'['.repeat(depth)}${']'.repeat(depth)}}\n`);
    await expect(readJournal(path)).rejects.toThrow(`${path}:1: nested too deeply`);
  });

  it('with bytes that are no text is refused', async () => {
    await journal().append(warning('a?'));
    await writeFile(
      path,
      (await readFile(path)).map((byte) => (byte === 0x3f ? 0xff : byte)),
    );
    await expect(readJournal(path)).rejects.toThrow(`${path}:1: not UTF-8`);
  });

  it('that is too large to be one is refused', async () => {
    await journal().append(warning('a'));
    await truncate(path, 65 * 1024 * 1024);
    await expect(readJournal(path)).rejects.toMatchObject({ code: 'journal.size' });
  });

  it('is missing where there is none', async () => {
    await expect(readJournal(path)).rejects.toMatchObject({ kind: 'usage', code: 'journal.missing' });
  });

  it('cannot be outside its folder', () => {
    expect(() => journalPath(home, '../../etc/passwd')).toThrow('is not the ID of a run');
  });

  it('that cannot be written rejects', async () => {
    await writeFile(join(home, 'file'), '');
    const nowhere = new FileJournal(join(home, 'file'), 'run-1', secretless);
    await expect(nowhere.append(warning('a'))).rejects.toThrow();
    await expect(nowhere.append(warning('b'))).rejects.toThrow();
  });
});

describe('a run', () => {
  const told = async (...events: readonly RunEvent[]) => {
    for (const event of events) await journal().append(event);
    return readRun(path, fakeRegistry);
  };
  const start: RunEvent = { type: 'run.started', at: 'now', plan: planOf(step('a')) };
  const begun = (intent: unknown): RunEvent => ({
    ...{ type: 'step.started', at: 'now', step: 'a', title: 'a', changes: [], intent },
  });

  it('is refused when its journal holds an intent that its task cannot take back', async () => {
    await expect(told(start, begun(7))).rejects.toThrow(`${path}:2: the intent of a cannot be`);
  });

  it.each<[string, readonly RunEvent[], string]>([
    ['no beginning', [warning('a')], '1: a journal begins with the start of a run'],
    ['two beginnings', [start, start], '2: a run starts once'],
    [
      'a step of another plan',
      [start, { ...begun({}), step: 'b' } as RunEvent],
      '2: b is not a step of the plan',
    ],
    [
      'an answer to nothing',
      [start, { type: 'step.done', step: 'a', ms: 1, receipt: {} }],
      '2: a is done and was never started',
    ],
    [
      'a step twice',
      [{ ...start, plan: planOf(sequence(step('a'), step('a'))) }],
      '1: the step a is here twice',
    ],
  ])('is refused when its journal has %s', async (_, events, message) => {
    await expect(told(...events)).rejects.toMatchObject({
      ...{ kind: 'usage', code: 'journal.damaged', message: `${path}:${message}` },
    });
  });

  it('that never began is refused', async () => {
    await journal().append(warning('a'));
    await truncate(path, 0);
    await expect(readRun(path)).rejects.toThrow(`${path}:1: no run began here`);
  });
});

describe('the list of runs', () => {
  const started = (id: string, hour: number) => {
    const plan = planOf(sequence(step('a'), step('b')));
    return { ...plan, run: { ...plan.run, id, started: `2026-01-01T0${hour}:00:00.000Z` } };
  };

  it('is empty where there is no folder', async () => {
    expect(await listRuns(join(home, 'nowhere'))).toEqual([]);
  });

  it('says how each stands, newest first', async () => {
    const ended = new Bench();
    await ended.start(started('ended', 1), { journal: journal('ended') });
    const unfinished = new Bench();
    const gate = new Gate();
    unfinished.world.pause = gate.once;
    void unfinished.start(started('unfinished', 2), { journal: journal('unfinished') });
    await gate.reached;
    const undoing = new Bench();
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
