import type { ClientChannel } from 'ssh2';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';

/** What a server says when it does not open a channel (RFC 4254, 5.1). */
export interface Refusal extends Error {
  /** 1: forbidden, 2: the destination refused, or sshd's MaxSessions is reached. */
  readonly reason: number;
}

export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'number';
}

/** Fewer than sshd's default MaxSessions of 10. */
const most = 8;
/** sshd may count a channel for a moment after both sides have closed it. ms */
const pause = 20;
const mostTries = 25;

/** Asks for a channel, as ssh2's methods do. */
export type Ask<Channel> = (done: (error: Error | undefined, channel: Channel) => void) => void;

/**
 * Opens a channel. `attach` is called before anything that came with the answer is handled: listeners that are added after an
 * `await` miss what a quick command said.
 */
export function openChannel<Channel, T>(ask: Ask<Channel>, attach: (channel: Channel) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((error, channel) => {
      if (error) reject(error);
      else resolve(attach(channel));
    });
  });
}

/**
 * The session channels of one connection. No more are opened than the server allows: at first 8, and once it refuses one as many as it
 * had open then; the others wait.
 */
export class Sessions {
  readonly #host: string;
  readonly #lost: AbortSignal;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  readonly #shortage = new Set<() => void>();
  #limit = most;
  #open = 0;
  #held = 0;

  constructor(host: string, lost: AbortSignal, clock: Clock) {
    this.#host = host;
    this.#lost = lost;
    this.#clock = clock;
    lost.addEventListener('abort', () => this.#wake());
  }

  /** Whether somebody waits for a channel. */
  get short(): boolean {
    return this.#waiting.size > 0;
  }

  /** Calls back when a channel is wanted and none is free: what keeps idle ones should close them. */
  onShortage(listener: () => void): void {
    this.#shortage.add(listener);
  }

  /**
   * Opens a channel, when there is room. One that is `held` stays open until the connection ends, so that nothing waits
   * for it. Throws a failure of kind `access` when the server leaves no room beside held ones.
   */
  async open<T>(ask: Ask<ClientChannel>, attach: (channel: ClientChannel) => T, held = false): Promise<T> {
    for (let tries = 0; ; ) {
      await this.#room();
      this.#open += 1;
      if (held) this.#held += 1;
      const leave = () => {
        this.#open -= 1;
        if (held) this.#held -= 1;
        this.#wake();
      };
      try {
        return await openChannel(ask, (channel) => {
          channel.once('close', leave);
          return attach(channel);
        });
      } catch (error) {
        leave();
        if (!isRefusal(error)) throw error;
        if (this.#open > this.#held) {
          this.#limit = this.#open;
          continue;
        }
        tries += 1;
        if (tries > mostTries) throw this.#refused(error);
        await this.#clock.sleep(pause, this.#lost);
      }
    }
  }

  async #room(): Promise<void> {
    while (this.#open >= this.#limit) {
      if (this.#held === this.#open) throw this.#refused();
      for (const listener of this.#shortage) listener();
      if (this.#open < this.#limit) return;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
      this.#lost.throwIfAborted();
    }
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  #refused(cause?: unknown): Failure {
    return new Failure('access', 'host.sessions', `${this.#host} refuses another session`, {
      host: this.#host,
      hint: 'Set `MaxSessions 10` (at least 2) in its sshd_config.',
      cause,
    });
  }
}
