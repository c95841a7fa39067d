import { unlessAborted, whenAborted } from '../domain/abort.js';
import type { Failure } from '../domain/failure.js';
import { Cancellation, type Interrupts } from './cancellation.js';
import type { Outcome, RunEvent } from './events.js';
import { outcomeOf } from './outcome.js';
import type { Journal } from './ports.js';
import type { Progress } from './progress.js';
import { Recorder } from './recorder.js';
import { type Part, type StepPorts, StepRunner } from './step-runner.js';
import { reversed, stepsOf, walk } from './walk.js';

/** The dependencies of an execution. */
export interface ExecutionPorts<Facts, Ports> extends StepPorts<Facts, Ports>, Interrupts {
  readonly journal: Journal;
  readonly emit: (event: RunEvent) => void;
  /** Reads the facts. Called once, after interrupted steps are finished. */
  readonly readFacts: () => Promise<Facts>;
}

/**
 * Executes a run from its progress to its end. Emits `first`, and `run.ended` last. Never rejects because of tasks, the journal or the
 * lease: their failures are in the outcome.
 *
 * Undo walks the tree in reverse. A failed undo stops no other one: each checks before it acts, and every undone step helps.
 */
export function execute<Facts, Ports>(
  ports: ExecutionPorts<Facts, Ports>,
  progress: Progress,
  first: RunEvent,
): Promise<Outcome> {
  return new Execution(ports, progress).run(first);
}

class Execution<Facts, Ports> {
  readonly #ports: ExecutionPorts<Facts, Ports>;
  readonly #progress: Progress;
  readonly #recorder: Recorder;
  readonly #cancellation = new Cancellation();
  readonly #runner: StepRunner<Facts, Ports>;

  constructor(ports: ExecutionPorts<Facts, Ports>, progress: Progress) {
    this.#ports = ports;
    this.#progress = progress;
    this.#recorder = new Recorder(ports.journal, progress, ports.emit);
    this.#runner = new StepRunner(ports, progress, this.#recorder, this.#cancellation);
  }

  async run(first: RunEvent): Promise<Outcome> {
    const { clock, lease } = this.#ports;
    const started = clock.monotonic();
    await this.#recorder.record(first);
    const stopListening = [
      this.#cancellation.watch(this.#ports, lease?.lost, (by) => this.#cancelled(by)),
      ...[...(lease?.hosts ?? [])].map(([host, lost]) =>
        whenAborted(lost, () => this.#lostHost(host, lost.reason)),
      ),
    ];
    try {
      const finished = this.#progress.direction === 'forward' && (await this.#forward());
      const loss = this.#cancellation.takeLoss();
      if (loss !== undefined) this.#cancellation.stop(loss);
      await this.#recorder.flush();
      const back = this.#progress.direction === 'revert';
      if (back) await walk(reversed(this.#progress.plan.steps), (step) => this.#runner.undo(step));
      await this.#recorder.flush();
      const outcome = outcomeOf(this.#progress, finished && !back, this.#cancellation.reasons);
      const ms = Math.round(clock.monotonic() - started);
      await this.#recorder.record({ type: 'run.ended', at: this.#now(), ms, outcome });
      return outcome;
    } finally {
      for (const one of stopListening) one();
    }
  }

  /** Returns whether all steps are finished. */
  async #forward(): Promise<boolean> {
    const { steps, after } = this.#progress.plan;
    if (!(await this.#finishInFlight()) || !(await this.#readFacts())) return false;
    if (!(await walk(steps, (step) => this.#runner.forward(step, 'steps')))) return false;
    if (stepsOf(after).length === 0) return true;
    if (!this.#progress.committed) {
      if (this.#cancellation.stopping) return false;
      await this.#runner.commit();
    }
    const all = await walk(after, (step) => this.#runner.forward(step, 'after'));
    return all || !this.#cancellation.stopping;
  }

  /** Applies steps again that an earlier process left unfinished. */
  async #finishInFlight(): Promise<boolean> {
    const { plan, steps } = this.#progress;
    const finish = async (part: Part): Promise<boolean> => {
      const finished = stepsOf(plan[part]).map((step) => {
        const state = this.#ports.kept?.has(step.id) ? undefined : steps.get(step.id);
        return state?.kind === 'started' ? this.#runner.apply(step, state.intent, part) : true;
      });
      return (await Promise.all(finished)).every(Boolean) || part === 'after';
    };
    return (await Promise.all([finish('steps'), finish('after')])).every(Boolean);
  }

  async #readFacts(): Promise<boolean> {
    try {
      this.#runner.setFacts(await unlessAborted(this.#cancellation.work, this.#ports.readFacts()));
      return true;
    } catch (error) {
      if (this.#cancellation.stopping) return false;
      this.#cancellation.stop(error);
      return false;
    }
  }

  /** A run that is or may be committed continues on the other hosts. */
  #lostHost(host: string, loss: Failure): void {
    const { committed, committing, direction } = this.#progress;
    if (direction === 'revert') return;
    if (!committed && !committing) this.#cancellation.stopWithout(loss);
    else {
      const text = `${loss.message}; continuing without ${host}`;
      void this.#recorder.record({ type: 'run.warning', text });
    }
  }

  #cancelled(by: string): void {
    const policy = this.#progress.direction === 'revert' ? 'revert' : this.#progress.policy;
    void this.#recorder.record({ type: 'run.cancelled', at: this.#now(), by, policy });
  }

  #now(): string {
    return this.#ports.clock.now().toISOString();
  }
}
