import type { Duplex, Readable } from 'node:stream';

/** A stream over an SSH connection. Emits `close` when both sides have closed it. */
export interface Channel extends Duplex {
  /** Closes it at once, without waiting for the peer. */
  close(): void;
}

/** The channel of a remote command. Emits `exit` with its code, or with null and the name of a signal. */
export interface CommandChannel extends Channel {
  readonly stderr: Readable;
  /** Sends a signal, such as `TERM`, to the command. */
  signal(name: string): void;
}

type Done<T> = (error: Error | undefined, channel: T) => void;

/** Opens channels, like the client of ssh2. A refusal is an error with a `reason`, see `ChannelRefusal`. */
export interface SshClient {
  exec(line: string, done: Done<CommandChannel>): unknown;
  forwardOut(
    fromAddress: string,
    fromPort: number,
    address: string,
    port: number,
    done: Done<Channel>,
  ): unknown;
  openssh_forwardOutStreamLocal(path: string, done: Done<Channel>): unknown;
}

/** A connection to a port of the host that is forwarded to this process. */
export interface IncomingConnection {
  readonly port: number;
  /** The address that it comes from. */
  readonly from: string;
  accept(): Channel;
  reject(): void;
}

/** Ports of the host's loopback that are forwarded to this process. */
export interface RemotePorts {
  /**
   * Requests a port, or any free one for 0. Returns the port that the host listens on, or undefined if it refuses. Throws a
   * Failure if the connection is lost.
   */
  open(port: number): Promise<number | undefined>;
  /** Does not wait: later requests on this connection are handled after it. */
  close(port: number): void;
  /** Calls `listener` for each connection; returns a function that stops. */
  onConnection(listener: (connection: IncomingConnection) => void): () => void;
}
