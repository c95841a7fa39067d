import { Failure, failureRecord } from '../domain/failure.js';
import type { RunEvent } from './events.js';
import type { Journal } from './ports.js';
import type { Progress } from './progress.js';

/** Takes every event of a run to the journal first, then to the progress, then to whoever watches. */
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
   * Resolves when the event has arrived everywhere. Never rejects: once the journal cannot be written, events
   * arrive without it, except `step.started`, which then answers `false` and has not happened. After
   * `run.ended`, and of steps that were left behind, nothing arrives any more.
   */
  record(event: RunEvent): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    this.#closed = event.type === 'run.ended';
    const recorded = this.#record(event);
    this.#latest = recorded;
    return recorded;
  }

  /** Tells of an event that is not worth keeping. */
  emit(event: RunEvent): void {
    if (!this.#closed) this.#emit(event);
  }

  /** Resolves when everything recorded so far has arrived. */
  async flush(): Promise<void> {
    await this.#latest;
  }

  /** Why the journal cannot be written. */
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
        const message = `the journal cannot be written: ${failureRecord(cause).message}`;
        this.#broken = new Failure('failed', 'journal.write', message, { cause });
        this.#emit({ type: 'run.warning', text: `${message}; this run cannot be resumed` });
      }
      return false;
    }
  }
}
