import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { CommandChannel } from './channel.js';

/** The error of a server that refuses to open a channel (RFC 4254, 5.1). */
export interface ChannelRefusal extends Error {
  /** 1: prohibited; 2: connection failed, or sshd's MaxSessions reached. */
  readonly reason: number;
}

export function isChannelRefusal(error: unknown): error is ChannelRefusal {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'number';
}

/** Below sshd's default MaxSessions of 10. */
const maxSessions = 8;
/** sshd may still count a channel just after it was closed. ms */
const retryDelay = 20;
const maxRetries = 25;

/** Requests a channel, like ssh2's methods. */
export type ChannelRequest<Channel> = (done: (error: Error | undefined, channel: Channel) => void) => void;

/** Opens a channel. Calls `attach` synchronously, because listeners added after an `await` miss early output. */
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
 * The session channels of a connection. Opens at most 8, or as many as were open when the server refused one; further
 * requests wait.
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

  /** Whether a request waits for a channel. */
  get isExhausted(): boolean {
    return this.#waiting.size > 0;
  }

  /** Calls `listener` when a request has to wait, so that idle channels can be closed. */
  onExhausted(listener: () => void): void {
    this.#exhaustedListeners.add(listener);
  }

  /**
   * Opens a channel as soon as the limit allows. A long-lived one stays open until the connection ends, so requests do not
   * wait for it. Throws a failure of kind `access` if only long-lived channels are left.
   */
  async open<T>(
    request: ChannelRequest<CommandChannel>,
    attach: (channel: CommandChannel) => T,
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
      hint: 'set `MaxSessions 10` (at least 2) in its sshd_config',
      cause,
    });
  }
}
