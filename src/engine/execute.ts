import type { Clock } from '../domain/clock.js';
import { Failure, type FailureRecord, failureRecord } from '../domain/failure.js';
import type { AnyTask, Subject, TaskContext, Verdict } from '../domain/task.js';
import type { Outcome, RunEvent } from './events.js';
import { look, subjectOf, taskOf } from './look.js';
import { outcomeOf } from './outcome.js';
import type { PlanNode, Step } from './plan.js';
import type { Journal, Lease, Registry } from './ports.js';
import { titleOf } from './preview.js';
import { cancellation, type Progress } from './progress.js';
import { Recorder } from './recorder.js';
import { resolve } from './reference.js';
import { signalName, unlessAborted, whenAborted } from './signals.js';
import { reversed, stepsOf, walk } from './walk.js';

/** What an execution works with. */
export interface ExecutionPorts<Facts, World> {
  readonly registry: Registry<Facts, World>;
  readonly world: World;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly emit: (event: RunEvent) => void;
  /** Missing where the plan holds none. */
  readonly lease: Lease | undefined;
  /** Reads the facts; called once, when steps that an earlier process left in flight are finished. */
  readonly readFacts: () => Promise<Facts>;
  /** Ends the run in order; the reason names the signal: `abort('SIGTERM')`. */
  readonly cancel: AbortSignal;
  /** Ends it where it stands, undo included. */
  readonly abandon: AbortSignal;
}

type Todo<Facts> = Extract<Verdict<Facts, unknown, unknown>, { kind: 'todo' }>;

/**
 * Carries a run from where its progress stands to its end, and says so with `run.ended`. Never rejects because
 * of what tasks, the journal or the lease do; the outcome tells.
 *
 * Undo walks the same tree from its end. An undo that fails stops no other, not even earlier steps of its own
 * branch: each looks before it acts, and what can be taken back is worth more than a tidy stop.
 */
export function execute<Facts, World>(
  ports: ExecutionPorts<Facts, World>,
  progress: Progress,
  first: RunEvent,
): Promise<Outcome> {
  return new Execution(ports, progress).run(first);
}

class Execution<Facts, World> {
  readonly #ports: ExecutionPorts<Facts, World>;
  readonly #progress: Progress;
  readonly #recorder: Recorder;
  /** What running steps listen to: aborted by a cancellation. */
  readonly #work = new AbortController();
  /** What everything listens to: nothing is begun or waited for any more. */
  readonly #halt = new AbortController();
  /** Why the run stopped, where no step failed. */
  readonly #reasons: FailureRecord[] = [];
  #stopping = false;
  #facts: Facts | undefined;

  constructor(ports: ExecutionPorts<Facts, World>, progress: Progress) {
    this.#ports = ports;
    this.#progress = progress;
    this.#recorder = new Recorder(ports.journal, progress, ports.emit);
  }

  async run(first: RunEvent): Promise<Outcome> {
    const begun = this.#ports.clock.monotonic();
    await this.#recorder.record(first);
    const forget = this.#watch();
    try {
      const finished = this.#progress.direction === 'forward' && (await this.#forward());
      await this.#recorder.settled();
      const back = this.#progress.direction === 'revert';
      if (back) await walk(reversed(this.#progress.plan.steps), (step) => this.#undo(step));
      await this.#recorder.settled();
      const outcome = outcomeOf(this.#progress, finished && !back, this.#reasons);
      await this.#recorder.record({ type: 'run.ended', at: this.#now(), ms: this.#since(begun), outcome });
      return outcome;
    } finally {
      forget();
    }
  }

  async #forward(): Promise<boolean> {
    const { plan } = this.#progress;
    if (!(await this.#finishInFlight())) return false;
    try {
      this.#facts = await unlessAborted(this.#work.signal, this.#ports.readFacts());
    } catch (error) {
      if (!this.#stopping) this.#reasons.push(failureRecord(error));
      return false;
    }
    if (!(await walk(plan.steps, (step) => this.#step(step, false)))) return false;
    if (stepsOf(plan.after).length === 0) return true;
    if (this.#stopping && !this.#progress.committed) return false;
    if (!this.#progress.committed) await this.#commit();
    const all = await walk(plan.after, (step) => this.#step(step, true));
    return all || !this.#stopping;
  }

  /** Applies again what an earlier process began and never finished, before the facts are read. */
  async #finishInFlight(): Promise<boolean> {
    const { plan, steps } = this.#progress;
    const inFlight = (node: PlanNode, after: boolean) =>
      stepsOf(node).map(async (step) => {
        const state = steps.get(step.id);
        return state?.kind !== 'started' || (await this.#apply(step, state.intent, after)) || after;
      });
    const finished = await Promise.all([...inFlight(plan.steps, false), ...inFlight(plan.after, true)]);
    return finished.every(Boolean);
  }

  /** One step forward; answers whether what comes after it may start. */
  async #step(step: Step, after: boolean): Promise<boolean> {
    const state = this.#progress.steps.get(step.id);
    if (state !== undefined) return state.kind === 'done' || state.kind === 'skipped';
    if (this.#stopping) return false;
    try {
      const task = taskOf(this.#ports.registry, step);
      const subject = subjectOf(this.#progress.plan, step);
      const input = this.#input(step);
      const verdict = look(task, this.#facts as Facts, input, subject);
      if (verdict.kind === 'blocked') return await this.#blocked(step, verdict.problems, after);
      if (verdict.kind === 'done') return await this.#skip(step, task, verdict.because, verdict.receipt);
      if (!(await this.#start(step, task, titleOf(task, input, subject), verdict))) return false;
      return await this.#apply(step, verdict.intent, after, verdict.foresee);
    } catch (error) {
      return this.#failed(step, error, 0, after);
    }
  }

  #input(step: Step): unknown {
    const resolved = resolve(step.input, this.#progress.receipts);
    if (resolved.kind === 'value') return resolved.value;
    throw new Failure('failed', 'reference.missing', `${step.id} needs the receipt of ${resolved.for}`);
  }

  async #blocked(step: Step, problems: readonly Failure[], after: boolean): Promise<boolean> {
    this.#stopping ||= !after;
    for (const problem of problems) await this.#failed(step, problem, 0, after);
    return false;
  }

  async #skip(step: Step, task: AnyTask<Facts, World>, because: string, receipt: unknown): Promise<boolean> {
    const commits = task.commits === undefined ? {} : { commits: task.commits };
    await this.#recorder.record({ type: 'step.skipped', step: step.id, because, receipt, ...commits });
    if (task.commits) await this.#commit();
    return true;
  }

  async #start(
    step: Step,
    task: AnyTask<Facts, World>,
    title: string,
    { changes, intent }: Todo<Facts>,
  ): Promise<boolean> {
    const commits = task.commits === undefined ? {} : { commits: task.commits };
    const at = this.#now();
    const event = { type: 'step.started', at, step: step.id, title, changes, intent, ...commits } as const;
    if (await this.#recorder.record(event)) return true;
    if (this.#recorder.broken !== undefined) throw this.#recorder.broken;
    return false;
  }

  async #apply(
    step: Step,
    intent: unknown,
    after: boolean,
    then: (facts: Facts) => Facts = (facts) => facts,
  ): Promise<boolean> {
    const begun = this.#ports.clock.monotonic();
    const task = taskOf(this.#ports.registry, step);
    try {
      this.#work.signal.throwIfAborted();
      this.#ports.lease?.describe(step.id);
      const context = this.#context(step, this.#work.signal);
      const answer = await unlessAborted(this.#halt.signal, task.apply(context, intent));
      const receipt = task.receipt.parse(answer);
      this.#facts = then(this.#facts as Facts);
      await this.#recorder.record({ type: 'step.done', step: step.id, ms: this.#since(begun), receipt });
      if (task.commits) await this.#commit();
      return true;
    } catch (error) {
      return this.#failed(step, error, this.#since(begun), after);
    }
  }

  async #failed(step: Step, error: unknown, ms: number, after: boolean): Promise<false> {
    if (this.#halt.signal.aborted) return false;
    this.#stopping ||= !after;
    const aborted = this.#work.signal.aborted && error instanceof Error && error.name === 'AbortError';
    const failure = failureRecord(aborted ? this.#work.signal.reason : error);
    await this.#recorder.record({ type: 'step.failed', step: step.id, ms, failure });
    if (after) {
      const text = `${failure.message} (the run is committed; the next one does this again)`;
      await this.#recorder.record({ type: 'run.warning', step: step.id, text });
    }
    return false;
  }

  async #commit(): Promise<void> {
    await this.#recorder.record({ type: 'run.committed', at: this.#now() });
  }

  /** One step back, if there is anything to take back. */
  async #undo(step: Step): Promise<true> {
    const state = this.#progress.steps.get(step.id);
    if (state?.kind !== 'started' && state?.kind !== 'done') return true;
    if (this.#halt.signal.aborted) return true;
    const { undo } = taskOf(this.#ports.registry, step);
    if (typeof undo !== 'function') {
      await this.#recorder.record({ type: 'undo.never', step: step.id, reason: undo.never });
      return true;
    }
    await this.#recorder.record({ type: 'undo.started', step: step.id, title: state.title });
    const begun = this.#ports.clock.monotonic();
    try {
      this.#halt.signal.throwIfAborted();
      this.#ports.lease?.describe(`undo ${step.id}`);
      const receipt = state.kind === 'done' ? this.#progress.receipts.get(step.id) : undefined;
      const context = this.#context(step, this.#halt.signal);
      await unlessAborted(this.#halt.signal, undo(context, state.intent, receipt));
      await this.#recorder.record({ type: 'undo.done', step: step.id, ms: this.#since(begun) });
    } catch (error) {
      if (this.#halt.signal.aborted) return true;
      const failure = failureRecord(error);
      await this.#recorder.record({ type: 'undo.failed', step: step.id, ms: this.#since(begun), failure });
    }
    return true;
  }

  #context(step: Step, signal: AbortSignal): TaskContext<World> {
    const { world, clock } = this.#ports;
    const subject: Subject = subjectOf(this.#progress.plan, step);
    return {
      world,
      subject,
      clock,
      signal,
      progress: (text, fraction) => {
        const part = fraction === undefined ? {} : { fraction };
        this.#recorder.say({ type: 'step.progress', step: step.id, text, ...part });
      },
      warn: (text) => void this.#recorder.record({ type: 'run.warning', step: step.id, text }),
    };
  }

  #watch(): () => void {
    const { cancel, abandon, lease } = this.#ports;
    const forget = [
      whenAborted(cancel, () => this.#cancel(signalName(cancel.reason))),
      whenAborted(abandon, () => this.#stop(abandoned())),
      ...(lease === undefined ? [] : [whenAborted(lease.lost, () => this.#stop(lost(lease.lost.reason)))]),
    ];
    return () => {
      for (const one of forget) one();
    };
  }

  #cancel(by: string): void {
    this.#stopping = true;
    const policy = this.#progress.direction === 'revert' ? 'revert' : this.#progress.policy;
    void this.#recorder.record({ type: 'run.cancelled', at: this.#now(), by, policy });
    this.#work.abort(cancellation(by));
  }

  #stop(reason: Failure): void {
    if (this.#halt.signal.aborted) return;
    this.#stopping = true;
    this.#reasons.push(failureRecord(reason));
    this.#halt.abort(reason);
    this.#work.abort(reason);
  }

  #now(): string {
    return this.#ports.clock.now().toISOString();
  }

  /** Whole milliseconds. */
  #since(begun: number): number {
    return Math.round(this.#ports.clock.monotonic() - begun);
  }
}

function abandoned(): Failure {
  return new Failure('interrupted', 'run.abandoned', 'stopped at once, with things left as they are');
}

function lost(reason: unknown): Failure {
  const message = reason instanceof Failure ? reason.message : 'the lease was lost';
  const host = reason instanceof Failure && reason.host !== undefined ? { host: reason.host } : {};
  const hint = 'another run may act now: look at the status before you resume';
  return new Failure('changed', 'lease.lost', message, { hint, ...host, cause: reason });
}
