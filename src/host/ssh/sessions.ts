import type { ClientChannel } from 'ssh2';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';

/** What a server says when it does not open a channel (RFC 4254, 5.1). */
export interface ChannelRefusal extends Error {
  /** 1: forbidden, 2: the destination refused, or sshd's MaxSessions is reached. */
  readonly reason: number;
}

export function isChannelRefusal(error: unknown): error is ChannelRefusal {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'number';
}

/** Fewer than sshd's default MaxSessions of 10. */
const maxSessions = 8;
/** sshd may count a channel for a moment after both sides have closed it. ms */
const retryDelay = 20;
const maxRetries = 25;

/** Asks for a channel, as ssh2's methods do. */
export type ChannelRequest<Channel> = (done: (error: Error | undefined, channel: Channel) => void) => void;

/**
 * Opens a channel. `attach` is called before anything that came with the answer is handled: listeners that are added after an
 * `await` miss what a quick command said.
 */
export function openChannel<Channel, T>(
  request: ChannelRequest<Channel>,
  attach: (channel: Channel) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    request((error, channel) => {
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
  readonly #exhaustedListeners = new Set<() => void>();
  #limit = maxSessions;
  #open = 0;
  #longLived = 0;

  constructor(host: string, lost: AbortSignal, clock: Clock) {
    this.#host = host;
    this.#lost = lost;
    this.#clock = clock;
    lost.addEventListener('abort', () => this.#wakeWaiting());
  }

  /** Whether somebody waits for a channel. */
  get isExhausted(): boolean {
    return this.#waiting.size > 0;
  }

  /** Calls back when a channel is wanted and none is free: what keeps idle ones should close them. */
  onExhausted(listener: () => void): void {
    this.#exhaustedListeners.add(listener);
  }

  /**
   * Opens a channel, when there is room. One that is `held` stays open until the connection ends, so that nothing waits
   * for it. Throws a failure of kind `access` when the server leaves no room beside held ones.
   */
  async open<T>(
    request: ChannelRequest<ClientChannel>,
    attach: (channel: ClientChannel) => T,
    isLongLived = false,
  ): Promise<T> {
    for (let tries = 0; ; ) {
      await this.#waitForSlot();
      this.#open += 1;
      if (isLongLived) this.#longLived += 1;
      const release = () => {
        this.#open -= 1;
        if (isLongLived) this.#longLived -= 1;
        this.#wakeWaiting();
      };
      try {
        return await openChannel(request, (channel) => {
          channel.once('close', release);
          return attach(channel);
        });
      } catch (error) {
        release();
        if (!isChannelRefusal(error)) throw error;
        if (this.#open > this.#longLived) {
          this.#limit = this.#open;
          continue;
        }
        tries += 1;
        if (tries > maxRetries) throw this.#refused(error);
        await this.#clock.sleep(retryDelay, this.#lost);
      }
    }
  }

  async #waitForSlot(): Promise<void> {
    while (this.#open >= this.#limit) {
      if (this.#longLived === this.#open) throw this.#refused();
      for (const listener of this.#exhaustedListeners) listener();
      if (this.#open < this.#limit) return;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
      this.#lost.throwIfAborted();
    }
  }

  #wakeWaiting(): void {
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
