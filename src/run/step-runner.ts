import { unlessAborted } from '../domain/abort.js';
import type { Clock } from '../domain/clock.js';
import { Failure, failureRecord } from '../domain/failure.js';
import { given } from '../domain/given.js';
import type { AnyTask, TaskContext, Verdict } from '../domain/task.js';
import type { Cancellation } from './cancellation.js';
import { checkTask, subjectOf, taskOf } from './check-task.js';
import type { Step } from './plan.js';
import type { Lease, Registry } from './ports.js';
import { titleOf } from './preview.js';
import type { Progress } from './progress.js';
import type { Recorder } from './recorder.js';
import { resolve } from './reference.js';

/** The dependencies of steps. */
export interface StepPorts<Facts, Ports> {
  readonly registry: Registry<Facts, Ports>;
  readonly ports: Ports;
  readonly clock: Clock;
  /** Missing if the plan needs none. */
  readonly lease: Lease | undefined;
  /** The reasons to leave steps as they are, by step: neither applied nor undone. */
  readonly kept?: ReadonlyMap<string, string>;
  /** Hosts that are gone for good. */
  readonly without?: ReadonlySet<string>;
}

/** The part of the plan. In `after`, the part after the commit, failures are only warnings. */
export type Part = 'steps' | 'after';

/** How long an undo is retried, and the pause between attempts. ms */
const undoRetryTimeout = 60_000;
const pause = 500;

type Todo<Facts> = Extract<Verdict<Facts, unknown, unknown>, { kind: 'todo' }>;
type Done = Extract<Verdict<never, unknown, unknown>, { kind: 'done' }>;

/** Applies and undoes single steps, and records the results. Never rejects. */
export class StepRunner<Facts, Ports> {
  readonly #ports: StepPorts<Facts, Ports>;
  readonly #progress: Progress;
  readonly #recorder: Recorder;
  readonly #cancellation: Cancellation;
  /** Updated with the predicted changes of finished steps. */
  #facts: Facts | undefined;

  constructor(
    ports: StepPorts<Facts, Ports>,
    progress: Progress,
    recorder: Recorder,
    cancellation: Cancellation,
  ) {
    this.#ports = ports;
    this.#progress = progress;
    this.#recorder = recorder;
    this.#cancellation = cancellation;
  }

  /** Sets the facts for all further checks. */
  setFacts(facts: Facts): void {
    this.#facts = facts;
  }

  /** Runs a step. Returns whether later steps may start. */
  async forward(step: Step, part: Part): Promise<boolean> {
    if (this.#ports.kept?.has(step.id)) return true;
    const state = this.#progress.steps.get(step.id);
    if (state !== undefined) return state.kind === 'done' || state.kind === 'skipped';
    if (this.#cancellation.stopping) return this.#notStarted(step, part);
    try {
      this.#lossOf(step)?.throwIfAborted();
      const task = taskOf(this.#ports.registry, step);
      const subject = subjectOf(this.#progress.plan, step);
      const input = this.#input(step);
      const verdict = checkTask(task, this.#facts as Facts, input, subject);
      if (verdict.kind === 'blocked') return await this.#blocked(step, verdict.problems, part);
      if (verdict.kind === 'done') return await this.#skip(step, task, verdict);
      const { title = titleOf(task, input, subject) } = verdict;
      if (!(await this.#start(step, task, title, verdict))) return false;
      return await this.apply(step, verdict.intent, part, verdict.predict);
    } catch (error) {
      return this.#failed(step, error, 0, part);
    }
  }

  /** Applies a journaled intent, then updates the facts with `predict`. */
  async apply(
    step: Step,
    intent: unknown,
    part: Part,
    predict: (facts: Facts) => Facts = (facts) => facts,
  ): Promise<boolean> {
    const started = this.#ports.clock.monotonic();
    const { work, halt } = this.#cancellation;
    const loss = this.#lossOf(step);
    try {
      const task = taskOf(this.#ports.registry, step);
      const signal = either(work, loss);
      signal.throwIfAborted();
      this.#ports.lease?.describe(step.id);
      const answer = await unlessAborted(either(halt, loss), task.apply(this.#context(step, signal), intent));
      const receipt = task.receipt.parse(answer);
      this.#facts = predict(this.#facts as Facts);
      const policy = task.onLaterFailure?.(receipt);
      const laterPolicy = given({ onLaterFailure: policy });
      const ms = this.#since(started);
      await this.#recorder.record({ type: 'step.done', step: step.id, ms, receipt, ...laterPolicy });
      if (task.commits) await this.commit();
      return true;
    } catch (error) {
      return this.#failed(step, error, this.#since(started), part);
    }
  }

  /** Undoes a step if it was started. */
  async undo(step: Step): Promise<true> {
    const { halt } = this.#cancellation;
    const state = this.#progress.steps.get(step.id);
    if (halt.aborted || (state?.kind !== 'started' && state?.kind !== 'done')) return true;
    const task = taskOf(this.#ports.registry, step);
    const { undo } = task;
    if (undo === 'nothing' || task.undoes?.(state.intent) === false) {
      await this.#recorder.record({ type: 'undo.done', step: step.id, ms: 0 });
      return true;
    }
    const kept = this.#ports.kept?.get(step.id);
    if (kept !== undefined) {
      await this.#recorder.record({ type: 'undo.never', step: step.id, reason: kept, title: state.title });
      return true;
    }
    const loss = this.#lossOf(step);
    const [act, never] = typeof undo === 'function' ? [undo, undefined] : [undo.tidy, undo.never];
    const started = this.#ports.clock.monotonic();
    try {
      loss?.throwIfAborted();
      if (never === undefined)
        await this.#recorder.record({ type: 'undo.started', step: step.id, title: state.title });
      const signal = either(halt, loss);
      signal.throwIfAborted();
      this.#ports.lease?.describe(`undo ${step.id}`);
      const receipt = state.kind === 'done' ? this.#progress.receipts.get(step.id) : undefined;
      const undo = () => act?.(this.#context(step, signal), state.intent, receipt) ?? Promise.resolve();
      const told = await unlessAborted(signal, this.#retry(undo, started, signal));
      const ms = this.#since(started);
      const done = { type: 'undo.done', step: step.id, ms, ...given({ receipt: told }) } as const;
      if (never === undefined) await this.#recorder.record(done);
    } catch (error) {
      if (halt.aborted) return true;
      const failure = failureRecord(error);
      const gone = failure.host !== undefined && this.#ports.without?.has(failure.host) === true;
      const reason = never ?? `${failure.host} was left out`;
      const ms = this.#since(started);
      if (gone) await this.#recorder.record({ type: 'undo.never', step: step.id, reason });
      else await this.#recorder.record({ type: 'undo.failed', step: step.id, ms, failure });
      if (gone) return true;
    }
    if (never !== undefined)
      await this.#recorder.record({ type: 'undo.never', step: step.id, reason: never });
    return true;
  }

  /** Retries transient failures, because a failed undo needs manual repair. */
  async #retry(undo: () => Promise<unknown>, started: number, signal: AbortSignal): Promise<unknown> {
    const { clock } = this.#ports;
    for (;;) {
      try {
        return await undo();
      } catch (error) {
        const isRetryable =
          error instanceof Failure && error.transient && clock.monotonic() - started < undoRetryTimeout;
        if (!isRetryable) throw error;
        await clock.sleep(pause, signal);
      }
    }
  }

  /** Commits the run: it cannot be undone afterwards. */
  async commit(): Promise<void> {
    await this.#recorder.record({ type: 'run.committed', at: this.#ports.clock.now().toISOString() });
  }

  #input(step: Step): unknown {
    const resolved = resolve(step.input, this.#progress.receipts);
    if (resolved.kind === 'value') return resolved.value;
    throw new Failure('failed', 'reference.missing', `${step.id} needs the receipt of ${resolved.for}`);
  }

  async #blocked(step: Step, problems: readonly Failure[], part: Part): Promise<false> {
    for (const problem of problems) await this.#failed(step, problem, 0, part);
    return false;
  }

  async #skip(
    step: Step,
    task: AnyTask<Facts, Ports>,
    { kind: _, cautions: __, ...done }: Done,
  ): Promise<true> {
    const commits = task.commits === undefined ? {} : { commits: task.commits };
    await this.#recorder.record({ type: 'step.skipped', step: step.id, ...done, ...commits });
    if (task.commits) await this.commit();
    return true;
  }

  async #start(
    step: Step,
    task: AnyTask<Facts, Ports>,
    title: string,
    { changes, intent }: Todo<Facts>,
  ): Promise<boolean> {
    const commits = task.commits === undefined ? {} : { commits: task.commits };
    const at = this.#ports.clock.now().toISOString();
    const event = { type: 'step.started', at, step: step.id, title, changes, intent, ...commits } as const;
    if (await this.#recorder.record(event)) return true;
    if (this.#recorder.writeFailure !== undefined) throw this.#recorder.writeFailure;
    return false;
  }

  /** Reports the loss of a host, so that the run is undone. */
  async #notStarted(step: Step, part: Part): Promise<false> {
    const loss = part === 'steps' ? this.#cancellation.takeLoss() : undefined;
    return loss === undefined ? false : this.#failed(step, loss, 0, part);
  }

  /** Aborted when the lease on the step's host is lost. */
  #lossOf(step: Step): AbortSignal | undefined {
    const { host } = subjectOf(this.#progress.plan, step);
    return host === undefined ? undefined : this.#ports.lease?.hosts.get(host);
  }

  async #failed(step: Step, error: unknown, ms: number, part: Part): Promise<false> {
    if (this.#cancellation.halt.aborted) return false;
    if (part === 'steps') this.#cancellation.stop();
    if (isHostLost(error)) this.#cancellation.takeLoss();
    if (isDisconnected(error)) await this.#confirmLease();
    if (this.#cancellation.halt.aborted) return false;
    const isAborted = this.#cancellation.work.aborted && isAbortError(error);
    const failure = failureRecord(isAborted ? this.#cancellation.work.reason : error);
    const log = given({ log: error instanceof Failure ? error.log : undefined });
    await this.#recorder.record({ type: 'step.failed', step: step.id, ms, failure, ...log });
    if (part === 'after') {
      const text = `${failure.message} (the run is committed; the next run retries it)`;
      await this.#recorder.record({ type: 'run.warning', step: step.id, text });
    }
    return false;
  }

  /** If all hosts are lost at once, nothing is undone: it may be a later run that ended this one. */
  async #confirmLease(): Promise<void> {
    const { lease } = this.#ports;
    if (lease !== undefined)
      await unlessAborted(this.#cancellation.halt, lease.confirm()).catch(() => undefined);
  }

  #context(step: Step, signal: AbortSignal): TaskContext<Ports> {
    const { ports, clock } = this.#ports;
    return {
      ports,
      subject: subjectOf(this.#progress.plan, step),
      clock,
      signal,
      progress: (text, fraction) => {
        const part = given({ fraction });
        this.#recorder.emit({ type: 'step.progress', step: step.id, text, ...part });
      },
      warn: (text) => void this.#recorder.record({ type: 'run.warning', step: step.id, text }),
    };
  }

  #since(started: number): number {
    return Math.round(this.#ports.clock.monotonic() - started);
  }
}

const isHostLost = (error: unknown) => error instanceof Failure && error.code === 'lease.lost';
/** The lease of a host is lost right after its connection. */
const isDisconnected = (error: unknown) =>
  isHostLost(error) || (error instanceof Failure && error.code === 'host.lost');

const either = (signal: AbortSignal, other: AbortSignal | undefined) =>
  other === undefined ? signal : AbortSignal.any([signal, other]);

/** Node's own calls throw this when their signal aborts. */
function isAbortError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}
