import { whenAborted } from '../domain/abort.js';
import { Failure, type FailureRecord, failureRecord } from '../domain/failure.js';
import { cancelledFailure } from './progress.js';

/** What may end a run before its end, from outside. */
export interface Interrupts {
  /** Ends the run in order; the reason names the signal: `abort('SIGTERM')`. */
  readonly cancel: AbortSignal;
  /** Ends it where it stands, undo included. */
  readonly abandon: AbortSignal;
}

/** Brings a run to a stop: gently, so that what is under way may end, or at once. */
export class Cancellation {
  readonly #work = new AbortController();
  readonly #halt = new AbortController();
  readonly #reasons: FailureRecord[] = [];
  #stopping = false;

  /** Aborted by a cancellation: running steps listen to it. */
  get work(): AbortSignal {
    return this.#work.signal;
  }

  /** Aborted when nothing may be begun or waited for any more: everything listens to it. */
  get halt(): AbortSignal {
    return this.#halt.signal;
  }

  /** Whether no step may be started any more. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Why the run stops, where no step failed. */
  get reasons(): readonly FailureRecord[] {
    return this.#reasons;
  }

  /** Keeps further steps from starting. */
  stop(reason?: unknown): void {
    this.#stopping = true;
    if (reason !== undefined) this.#reasons.push(failureRecord(reason));
  }

  /** Listens, until the returned function is called; `cancelled` is called before running steps hear of it. */
  watch(
    { cancel, abandon }: Interrupts,
    lost: AbortSignal | undefined,
    cancelled: (by: string) => void,
  ): () => void {
    const stopListening = [
      whenAborted(cancel, () => {
        const by = signalName(cancel.reason);
        this.#stopping = true;
        cancelled(by);
        this.#work.abort(cancelledFailure(by));
      }),
      whenAborted(abandon, () => this.#stopAtOnce(abandoned())),
      ...(lost === undefined ? [] : [whenAborted(lost, () => this.#stopAtOnce(leaseLost(lost.reason)))]),
    ];
    return () => {
      for (const one of stopListening) one();
    };
  }

  #stopAtOnce(reason: Failure): void {
    if (this.#halt.signal.aborted) return;
    this.stop(reason);
    this.#halt.abort(reason);
    this.#work.abort(reason);
  }
}

function abandoned(): Failure {
  return new Failure('interrupted', 'run.abandoned', 'stopped at once, with things left as they are');
}

function leaseLost(reason: unknown): Failure {
  const message = reason instanceof Failure ? reason.message : 'the lease was lost';
  const host = reason instanceof Failure && reason.host !== undefined ? { host: reason.host } : {};
  const hint = 'another run may act now: look at the status before you resume';
  return new Failure('changed', 'lease.lost', message, { hint, ...host, cause: reason });
}

/** The name of the signal that a cancellation was asked for with. */
export function signalName(reason: unknown): string {
  return typeof reason === 'string' ? reason : 'request';
}
