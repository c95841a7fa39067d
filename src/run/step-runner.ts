import { unlessAborted } from '../domain/abort.js';
import type { Clock } from '../domain/clock.js';
import { Failure, failureRecord } from '../domain/failure.js';
import type { AnyTask, TaskContext, Verdict } from '../domain/task.js';
import type { Cancellation } from './cancellation.js';
import { checkTask, subjectOf, taskOf } from './check-task.js';
import type { Step } from './plan.js';
import type { Lease, Registry } from './ports.js';
import { titleOf } from './preview.js';
import type { Progress } from './progress.js';
import type { Recorder } from './recorder.js';
import { resolve } from './reference.js';

/** What steps work with. */
export interface StepPorts<Facts, Ports> {
  readonly registry: Registry<Facts, Ports>;
  readonly ports: Ports;
  readonly clock: Clock;
  /** Missing where the plan holds none. */
  readonly lease: Lease | undefined;
}

/** Which part of the plan a step belongs to: past the commit a failure only warns. */
export type Part = 'steps' | 'after';

/** How long an undo is tried again, and how long between two tries. ms */
const undoRetryTimeout = 60_000;
const pause = 500;

type Todo<Facts> = Extract<Verdict<Facts, unknown, unknown>, { kind: 'todo' }>;
type Done = Extract<Verdict<never, unknown, unknown>, { kind: 'done' }>;

/** Does single steps, forward and back, and says what becomes of each. Never rejects. */
export class StepRunner<Facts, Ports> {
  readonly #ports: StepPorts<Facts, Ports>;
  readonly #progress: Progress;
  readonly #recorder: Recorder;
  readonly #cancellation: Cancellation;
  /** As they were read, with the declared changes of all steps that have finished since. */
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

  /** What the checks of all steps from here on go by. */
  setFacts(facts: Facts): void {
    this.#facts = facts;
  }

  /** One step forward; answers whether what comes after it may start. */
  async forward(step: Step, part: Part): Promise<boolean> {
    const state = this.#progress.steps.get(step.id);
    if (state !== undefined) return state.kind === 'done' || state.kind === 'skipped';
    if (this.#cancellation.stopping) return false;
    try {
      const task = taskOf(this.#ports.registry, step);
      const subject = subjectOf(this.#progress.plan, step);
      const input = this.#input(step);
      const verdict = checkTask(task, this.#facts as Facts, input, subject);
      if (verdict.kind === 'blocked') return await this.#blocked(step, verdict.problems, part);
      if (verdict.kind === 'done') return await this.#skip(step, task, verdict);
      if (!(await this.#start(step, task, titleOf(task, input, subject), verdict))) return false;
      return await this.apply(step, verdict.intent, part, verdict.predict);
    } catch (error) {
      return this.#failed(step, error, 0, part);
    }
  }

  /** Applies an intent that is journaled; `foresee` tells the facts of it. */
  async apply(
    step: Step,
    intent: unknown,
    part: Part,
    predict: (facts: Facts) => Facts = (facts) => facts,
  ): Promise<boolean> {
    const started = this.#ports.clock.monotonic();
    const { work, halt } = this.#cancellation;
    try {
      const task = taskOf(this.#ports.registry, step);
      work.throwIfAborted();
      this.#ports.lease?.describe(step.id);
      const answer = await unlessAborted(halt, task.apply(this.#context(step, work), intent));
      const receipt = task.receipt.parse(answer);
      this.#facts = predict(this.#facts as Facts);
      const policy = task.onLaterFailure?.(receipt);
      const laterPolicy = policy === undefined ? {} : { onLaterFailure: policy };
      const ms = this.#since(started);
      await this.#recorder.record({ type: 'step.done', step: step.id, ms, receipt, ...laterPolicy });
      if (task.commits) await this.commit();
      return true;
    } catch (error) {
      return this.#failed(step, error, this.#since(started), part);
    }
  }

  /** One step back, if there is anything to take back. */
  async undo(step: Step): Promise<true> {
    const { halt } = this.#cancellation;
    const state = this.#progress.steps.get(step.id);
    if (halt.aborted || (state?.kind !== 'started' && state?.kind !== 'done')) return true;
    const { undo } = taskOf(this.#ports.registry, step);
    if (undo === 'nothing') {
      await this.#recorder.record({ type: 'undo.done', step: step.id, ms: 0 });
      return true;
    }
    const [act, never] = typeof undo === 'function' ? [undo, undefined] : [undo.tidy, undo.never];
    const started = this.#ports.clock.monotonic();
    try {
      if (never === undefined)
        await this.#recorder.record({ type: 'undo.started', step: step.id, title: state.title });
      halt.throwIfAborted();
      this.#ports.lease?.describe(`undo ${step.id}`);
      const receipt = state.kind === 'done' ? this.#progress.receipts.get(step.id) : undefined;
      const undo = () => act?.(this.#context(step, halt), state.intent, receipt) ?? Promise.resolve();
      await unlessAborted(halt, this.#retry(undo, started));
      const ms = this.#since(started);
      if (never === undefined) await this.#recorder.record({ type: 'undo.done', step: step.id, ms });
    } catch (error) {
      if (halt.aborted) return true;
      const failure = failureRecord(error);
      await this.#recorder.record({ type: 'undo.failed', step: step.id, ms: this.#since(started), failure });
    }
    if (never !== undefined)
      await this.#recorder.record({ type: 'undo.never', step: step.id, reason: never });
    return true;
  }

  /** Tries again what is likely to pass: what is not taken back now somebody has to take back by hand. */
  async #retry(undo: () => Promise<void>, started: number): Promise<void> {
    const { clock } = this.#ports;
    for (;;) {
      try {
        return await undo();
      } catch (error) {
        const isRetryable =
          error instanceof Failure && error.transient && clock.monotonic() - started < undoRetryTimeout;
        if (!isRetryable) throw error;
        await clock.sleep(pause, this.#cancellation.halt);
      }
    }
  }

  /** From here on only forward. */
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

  async #skip(step: Step, task: AnyTask<Facts, Ports>, { kind: _, ...done }: Done): Promise<true> {
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

  async #failed(step: Step, error: unknown, ms: number, part: Part): Promise<false> {
    if (this.#cancellation.halt.aborted) return false;
    if (part === 'steps') this.#cancellation.stop();
    const isAborted = this.#cancellation.work.aborted && isAbortError(error);
    const failure = failureRecord(isAborted ? this.#cancellation.work.reason : error);
    await this.#recorder.record({ type: 'step.failed', step: step.id, ms, failure });
    if (part === 'after') {
      const text = `${failure.message} (the run is committed; the next one does this again)`;
      await this.#recorder.record({ type: 'run.warning', step: step.id, text });
    }
    return false;
  }

  #context(step: Step, signal: AbortSignal): TaskContext<Ports> {
    const { ports, clock } = this.#ports;
    return {
      ports,
      subject: subjectOf(this.#progress.plan, step),
      clock,
      signal,
      progress: (text, fraction) => {
        const part = fraction === undefined ? {} : { fraction };
        this.#recorder.emit({ type: 'step.progress', step: step.id, text, ...part });
      },
      warn: (text) => void this.#recorder.record({ type: 'run.warning', step: step.id, text }),
    };
  }

  /** Whole milliseconds. */
  #since(started: number): number {
    return Math.round(this.#ports.clock.monotonic() - started);
  }
}

/** How Node's own calls give up when their signal is aborted. */
function isAbortError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}
