import { Failure, failureRecord } from '../domain/failure.js';
import type { RunEvent } from './events.js';
import type { Journal } from './ports.js';
import type { Progress } from './progress.js';

/** Passes every event of a run to the journal, then to the progress, then to the listener. */
export class Recorder {
  readonly #journal: Journal;
  readonly #emit: (event: RunEvent) => void;
  readonly #progress: Progress;
  #latest: Promise<unknown> = Promise.resolve();
  #broken: Failure | undefined;
  #closed = false;

  constructor(journal: Journal, progress: Progress, emit: (event: RunEvent) => void) {
    this.#journal = journal;
    this.#emit = emit;
    this.#progress = progress;
  }

  /**
   * Records an event. Resolves with whether it was recorded. Never rejects: if the journal fails, events are still delivered, except
   * `step.started`, which resolves with `false`. Ignores events after `run.ended`.
   */
  record(event: RunEvent): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    this.#closed = event.type === 'run.ended';
    const recorded = this.#record(event);
    this.#latest = recorded;
    return recorded;
  }

  /** Emits an event without journaling it. */
  emit(event: RunEvent): void {
    if (!this.#closed) this.#emit(event);
  }

  /** Resolves when all events so far are recorded. */
  async flush(): Promise<void> {
    await this.#latest;
  }

  /** The failure of the journal, if any. */
  get writeFailure(): Failure | undefined {
    return this.#broken;
  }

  async #record(event: RunEvent): Promise<boolean> {
    const kept = await this.#keep(event);
    if (!kept && event.type === 'step.started') return false;
    this.#progress.advance(event);
    this.#emit(event);
    return true;
  }

  async #keep(event: RunEvent): Promise<boolean> {
    if (this.#broken !== undefined) return false;
    try {
      await this.#journal.append(event);
      return true;
    } catch (cause) {
      if (this.#broken === undefined) {
        const message = `cannot write the journal: ${failureRecord(cause).message}`;
        this.#broken = new Failure('failed', 'journal.write', message, { cause });
        this.#emit({ type: 'run.warning', text: `${message}; this run cannot be resumed` });
      }
      return false;
    }
  }
}
