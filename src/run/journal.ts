import { isUtf8 } from 'node:buffer';
import { type FileHandle, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { Failure, type FailureRecord, failureRecord } from '../domain/failure.js';
import { given } from '../domain/given.js';
import type { Service } from '../domain/service.js';
import type { RunInfo } from '../domain/task.js';
import type { Outcome, RunEvent } from './events.js';
import { JournalValidator } from './journal-validator.js';
import type { Journal, Registry } from './ports.js';
import { Progress } from './progress.js';
import { EventRecord } from './record.js';
import { redactEvent } from './redact-event.js';
import { resumable } from './resume.js';

const newline = 0x0a;
const maxBytes = 64 * 1024 * 1024;
/** The deepest nesting allowed in a line. */
const maxDepth = 400;

/** Returns the path of a run's journal. Throws a usage {@link Failure} if the run ID is invalid. */
export function journalPath(runsDir: string, run: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(run)) {
    throw new Failure('usage', 'run.id', `invalid run ID ${JSON.stringify(run)}`);
  }
  return join(runsDir, `${run}.jsonl`);
}

/**
 * A journal in a JSON lines file that only its owner can read, created with the first event. Events that arrive during a write are
 * written together.
 */
export class FileJournal implements Journal {
  readonly #path: string;
  readonly #redact: (text: string) => string;
  #file: Promise<FileHandle> | undefined;
  #waiting: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** `redact` removes secrets from every text before it is written. */
  constructor(runsDir: string, run: string, redact: (text: string) => string) {
    this.#path = journalPath(runsDir, run);
    this.#redact = redact;
  }

  append(event: RunEvent): Promise<void> {
    this.#waiting.push(`${JSON.stringify(redactEvent(event, this.#redact))}\n`);
    this.#next ??= this.#writing = this.#writing.then(() => this.#write());
    return this.#next;
  }

  /** Closes the file after all writes. */
  async close(): Promise<void> {
    await this.#writing.catch(() => {});
    await (await this.#file?.catch(() => undefined))?.close();
    this.#file = undefined;
  }

  async #write(): Promise<void> {
    const lines = this.#waiting.join('');
    this.#waiting = [];
    this.#next = undefined;
    this.#file ??= openForAppending(this.#path);
    const file = await this.#file;
    await file.appendFile(lines);
    await file.sync();
  }
}

/** Drops an incomplete last line. Syncs the folder so that a new file survives a crash. */
async function openForAppending(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await ignoreInGit(dirname(path));
  const file = await open(path, 'a+', 0o600);
  const bytes = await readBounded(file, path);
  const whole = bytes.lastIndexOf(newline) + 1;
  if (whole < bytes.length) await file.truncate(whole);
  if (bytes.length === 0) await syncFolder(dirname(path));
  return file;
}

/** Keeps journals out of git, also in a folder of an older version. An existing file stays as it is. */
async function ignoreInGit(folder: string): Promise<void> {
  try {
    await writeFile(join(folder, '.gitignore'), '*\n', { flag: 'wx' });
  } catch (error) {
    const exists = typeof error === 'object' && error !== null && 'code' in error && error.code === 'EEXIST';
    if (!exists) throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readBounded(file: FileHandle, path: string): Promise<Buffer> {
  const { size } = await file.stat();
  if (size > maxBytes) throw new Failure('usage', 'journal.size', `${path} is too large for a journal`);
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await file.read(bytes, 0, size, 0);
  return bytes.subarray(0, bytesRead);
}

/**
 * Reads the events of a journal. Skips an incomplete last line: it was never acknowledged. Throws a usage {@link Failure} that names
 * file and line if a line is not an event, or if there is no file.
 */
export async function readJournal(path: string): Promise<readonly RunEvent[]> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    const run = basename(path, '.jsonl');
    const hint = 'list the runs: oneclick history';
    throw new Failure('usage', 'journal.missing', `unknown run "${run}": no journal at ${path}`, {
      cause,
      hint,
    });
  });
  try {
    const bytes = await readBounded(file, path);
    const events: RunEvent[] = [];
    for (
      let start = 0, end = bytes.indexOf(newline);
      end >= 0;
      start = end + 1, end = bytes.indexOf(newline, start)
    )
      events.push(parseLine(bytes.subarray(start, end), `${path}:${events.length + 1}`));
    return events;
  } finally {
    await file.close();
  }
}

/** A run read from its journal. */
export interface JournaledRun {
  readonly events: readonly RunEvent[];
  readonly progress: Progress;
}

/**
 * Reads a run from its journal. Throws as {@link readJournal} does, and a usage {@link Failure} that names file and line if the events
 * are inconsistent (`journal.damaged`) or missing (`journal.empty`). With a registry, intents and receipts must match the schemas
 * of its tasks, so that every step can be undone.
 */
export async function readRun<Facts, Ports>(
  path: string,
  registry?: Registry<Facts, Ports>,
): Promise<JournaledRun> {
  const events = await readJournal(path);
  if (events.length === 0) throw new Failure('usage', 'journal.empty', `${path}:1: the journal is empty`);
  const validator = new JournalValidator(registry);
  for (const [index, event] of events.entries()) {
    const wrong = validator.accept(event);
    if (wrong instanceof Failure) throw wrong;
    if (wrong !== undefined) throw damaged(`${path}:${index + 1}`, wrong);
  }
  return { events, progress: Progress.of(events) };
}

const damaged = (place: string, reason: string, cause?: unknown) =>
  new Failure('usage', 'journal.damaged', `${place}: ${reason}`, { cause });

function newerEvent(place: string, event: unknown): Failure {
  const { data } = z.object({ type: z.string() }).safeParse(event);
  if (data === undefined) return damaged(place, 'not a valid event: it has no type');
  const message = `${place}: unknown event "${data.type}"`;
  return new Failure('usage', 'journal.newer', message, {
    hint: 'a newer oneclick may have written it: update oneclick',
  });
}

function parseLine(bytes: Buffer, place: string): RunEvent {
  if (!isUtf8(bytes)) throw damaged(place, 'not UTF-8');
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw damaged(place, 'not valid JSON', cause);
  }
  if (isDeeperThan(maxDepth, json)) throw damaged(place, 'nested too deeply');
  const parsed = EventRecord.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === 'invalid_union' && issue.path.join() === 'type') throw newerEvent(place, json);
  throw damaged(place, `not a valid event: ${issue?.path.join('.')}: ${issue?.message}`, parsed.error);
}

/** Goes level by level: recursion could overflow the stack. */
function isDeeperThan(depth: number, value: unknown): boolean {
  let level = [value];
  for (let at = 0; at <= depth && level.length > 0; at++)
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  return level.length > 0;
}

/** The summary of a run from its journal. */
export type RunSummary =
  | {
      readonly state: 'ended' | 'unfinished' | 'undoing';
      readonly id: string;
      readonly run: RunInfo;
      /** The services in its plan. */
      readonly services: readonly Service[];
      /** The duration until it last ended, ms. */
      readonly ms?: number;
      /** The last outcome. Also set for a stopped run that can be resumed. */
      readonly outcome?: Outcome;
    }
  | { readonly state: 'unreadable'; readonly id: string; readonly problem: FailureRecord };

/** Lists the runs with a journal in this folder, newest first, unreadable ones last. */
export async function listRuns(runsDir: string): Promise<readonly RunSummary[]> {
  const names = await readdir(runsDir).catch(() => []);
  const paths = names.filter((name) => name.endsWith('.jsonl')).map((name) => join(runsDir, name));
  const runs = (await Promise.all(paths.map(summary))).flat();
  const started = (run: RunSummary) => (run.state === 'unreadable' ? '' : run.run.started);
  return runs.sort((a, b) => started(b).localeCompare(started(a)) || b.id.localeCompare(a.id));
}

/** Empty for a journal without events. */
async function summary(path: string): Promise<readonly RunSummary[]> {
  const id = basename(path, '.jsonl');
  try {
    const { events, progress } = await readRun(path);
    const { outcome, plan } = progress;
    const end = events.findLast((event) => event.type === 'run.ended');
    const undoing = progress.direction === 'revert' ? 'undoing' : 'unfinished';
    const state = resumable(progress) ? undoing : 'ended';
    return [
      {
        ...{ state, id, run: plan.run, services: plan.services },
        ...given({ ms: end?.ms, outcome }),
      },
    ];
  } catch (error) {
    if (error instanceof Failure && error.code === 'journal.empty') return [];
    return [{ state: 'unreadable', id, problem: failureRecord(error) }];
  }
}
