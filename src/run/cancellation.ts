import { whenAborted } from '../domain/abort.js';
import { Failure, type FailureRecord, failureRecord } from '../domain/failure.js';
import { cancelledFailure } from './progress.js';

/** Signals from outside that end a run early. */
export interface Interrupts {
  /** Cancels the run in an orderly way. The reason names the signal: `abort('SIGTERM')`. */
  readonly cancel: AbortSignal;
  /** Stops the run immediately, even during undo. */
  readonly abandon: AbortSignal;
}

/** Stops a run: gracefully, so that running steps can finish, or immediately. */
export class Cancellation {
  readonly #work = new AbortController();
  readonly #halt = new AbortController();
  readonly #reasons: FailureRecord[] = [];
  #stopping = false;
  #loss: Failure | undefined;

  /** Aborted by a cancellation, for running steps. */
  get work(): AbortSignal {
    return this.#work.signal;
  }

  /** Aborted when the run must stop immediately, undo included. */
  get halt(): AbortSignal {
    return this.#halt.signal;
  }

  /** Whether no more steps may start. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Why the run stops, apart from failed steps. */
  get reasons(): readonly FailureRecord[] {
    return this.#reasons;
  }

  /** Prevents further steps from starting. */
  stop(reason?: unknown): void {
    this.#stopping = true;
    if (reason !== undefined) this.#reasons.push(failureRecord(reason));
  }

  /** Prevents further steps from starting because a host is lost. */
  stopWithout(loss: Failure): void {
    this.#stopping = true;
    this.#loss ??= loss;
  }

  /** Returns the loss of a host, once, for the step that reports it. */
  takeLoss(): Failure | undefined {
    const loss = this.#loss;
    this.#loss = undefined;
    return loss;
  }

  /** Watches the signals until the returned function is called. Calls `cancelled` before it aborts running steps. */
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
  return new Failure('interrupted', 'run.abandoned', 'stopped immediately, without undoing the changes');
}

function leaseLost(reason: unknown): Failure {
  const message = reason instanceof Failure ? reason.message : 'lost the lease';
  const host = reason instanceof Failure && reason.host !== undefined ? { host: reason.host } : {};
  const hint = 'another run may be active; before you resume, run: oneclick status';
  return new Failure('changed', 'lease.lost', message, { hint, ...host, cause: reason });
}

/** The name of the signal that cancelled the run. */
export function signalName(reason: unknown): string {
  return typeof reason === 'string' ? reason : 'request';
}
