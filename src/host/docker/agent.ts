import { Agent } from 'node:http';
import { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import type { Channel, CommandChannel } from '../ssh/channel.js';

/**
 * An SSH channel as a socket for Node's HTTP. A channel destroyed with unread data never closes and would occupy the agent
 * forever, so it is drained.
 */
export class ChannelSocket extends Duplex {
  /** Resolves when the peer has closed the channel. */
  readonly gone: Promise<void>;
  readonly #channel: Channel;

  /** `command` is the remote command behind the channel, if any; the stream ends only once its exit status is known. */
  constructor(channel: Channel, command?: { readonly name: string; readonly channel: CommandChannel }) {
    super({ allowHalfOpen: false });
    this.#channel = channel;
    channel.on('data', (data: Buffer) => {
      if (!this.destroyed && !this.push(data)) channel.pause();
    });
    channel.on('error', (error: Error) => this.destroy(error));
    let failure: Error | undefined;
    if (command === undefined) channel.on('end', () => this.#finish());
    else {
      let stderr = '';
      command.channel.stderr.on('data', (data: Buffer) => {
        stderr += data.toString();
      });
      command.channel.on('exit', (code: number | null, signal?: string) => {
        if (code !== 0)
          failure = new Error(`${command.name}: ${stderr.trim() || signal || `exit code ${code}`}`);
      });
    }
    this.gone = new Promise((resolve) => {
      channel.on('close', () => {
        if (failure === undefined) this.#finish();
        else this.destroy(failure);
        resolve();
      });
    });
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#channel.write(chunk, encoding, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#channel.close();
    this.#channel.resume();
    done(error);
  }

  #finish(): void {
    if (!this.destroyed && !this.readableEnded) this.push(null);
    if (this.readableLength === 0) this.destroy();
  }

  // Required by Node's agent; channels have no equivalent.
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

/**
 * An HTTP agent whose sockets are channels of an SSH connection. Limits channels itself, because Node exceeds `maxSockets`
 * while sockets are being opened.
 */
export class ChannelAgent extends Agent {
  readonly #open: () => Promise<ChannelSocket>;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** `isExhausted` returns whether other requests wait for a channel. */
  constructor(open: () => Promise<ChannelSocket>, isExhausted = () => false, channels = 16) {
    super({ keepAlive: true, maxFreeSockets: channels });
    this.#open = open;
    this.#free = channels;
    // Waiting requests need idle channels closed first.
    this.on('free', () => {
      if (this.#waiting.length > 0 || isExhausted()) this.closeIdle();
    });
  }

  /** docker-modem inspects its options, including this agent, at each request. */
  [inspect.custom](): string {
    return 'ChannelAgent';
  }

  /** Closes idle connections. */
  closeIdle(): void {
    for (const sockets of Object.values(this.freeSockets))
      for (const socket of sockets ?? []) socket.destroy();
  }

  override createConnection(
    _options: unknown,
    done?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const start = () => {
      this.#free -= 1;
      this.#open().then(
        (socket) => {
          void socket.gone.then(() => this.#release());
          done?.(null, socket);
        },
        (error: Error) => {
          this.#release();
          // Node accepts an error alone; its types do not.
          (done as ((error: Error) => void) | undefined)?.(error);
        },
      );
    };
    if (this.#free > 0) start();
    else this.#waiting.push(start);
    return undefined;
  }

  #release(): void {
    this.#free += 1;
    this.#waiting.shift()?.();
  }
}
