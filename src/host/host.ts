import type { Duplex } from 'node:stream';
import type { ImageFacts, InspectedContainer, ResolvedImage } from '../domain/facts.js';

/** A command as data; one place turns it into a shell line. */
export interface Command {
  readonly argv: readonly string[];
  /** Sent on standard input together with the command, never in argv. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** ms */
  readonly timeout: number;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An HTTP request to a port of the host, made from the host's own loopback. */
export interface Probe {
  readonly port: number;
  /** The address that the port listens on; 127.0.0.1 by default. */
  readonly address?: string;
  readonly path: string;
  /** ms */
  readonly timeout: number;
}

export interface ProbeAnswer {
  readonly status: number;
  /** The first 2 KiB, as text. */
  readonly body: string;
  /** How long the server says that it keeps a connection on which nothing happens, ms. */
  readonly keepAlive?: number;
  /** ms */
  readonly duration: number;
}

/** A process on the host that lives as long as its standard input is fed. */
export interface RemoteProcess {
  /** Lines that it writes. */
  readonly lines: AsyncIterable<string>;
  write(line: string): void;
  /** Resolves with the exit code when it has ended, undefined when the connection was lost. */
  readonly ended: Promise<number | undefined>;
  /** Closes its standard input. */
  end(): void;
}

/** A port of a host that is answered here. */
export interface ForwardedPort {
  /** Nothing listens there any more, and what was connected is cut off; safe after the connection is lost. */
  end(): void;
}

/** Is given what has connected to a lent port. */
export type ConnectionHandler = (connection: Duplex) => void;

/** A machine that is connected. Everything but `Failure`s that it throws is a bug. */
export interface Host {
  readonly name: string;
  readonly engine: Engine;
  /** Aborted when the connection is gone. */
  readonly lost: AbortSignal;
  /** Runs a command. A non-zero code is an answer; no exit status, a signal, or no connection is a Failure. */
  run(command: Command, signal?: AbortSignal): Promise<CommandResult>;
  /** Starts a process and talks to it line by line. */
  spawn(argv: readonly string[]): Promise<RemoteProcess>;
  /** Asks over HTTP. No answer, or one that is not HTTP, is a Failure of kind `unhealthy`. */
  probe(probe: Probe, signal?: AbortSignal): Promise<ProbeAnswer>;
  /** Resolves when the port accepts a connection; a Failure of kind `unhealthy` otherwise. */
  reach(port: number, options: { address?: string; timeout: number }, signal?: AbortSignal): Promise<void>;
  /**
   * Listens on a port of the host's loopback until that is ended or the connection is lost; whoever connects there talks to
   * this process. A Failure `lend.taken` when something else listens on it, `lend.forbidden` where the host allows no such thing.
   */
  forwardPort(port: number, take: ConnectionHandler): Promise<ForwardedPort>;
  close(): Promise<void>;
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
  /** Some registries give this instead of a password. */
  readonly identitytoken?: string;
}

export interface PullProgress {
  /** Bytes over all layers whose size is known so far. */
  readonly done: number;
  readonly total: number;
  readonly layers: number;
  readonly layersDone: number;
}

/** A line that a container wrote. */
export interface LogLine {
  /** RFC 3339 in UTC with nanoseconds, by the engine's clock: orders as text. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** Without terminal escapes and control characters. */
  readonly text: string;
}

/** Which lines of a container's logs are wanted. */
export interface LogOptions {
  /** Also those to come, until the container ends. */
  readonly follow: boolean;
  /** Only so many of the last ones; all by default. */
  readonly lines?: number;
  /** Only those of this time and later, RFC 3339. */
  readonly since?: string;
}

/** The size of a terminal, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** How a process in a container is talked to. */
export interface StdioOptions {
  /** Whether it is given input; without, its input is empty. */
  readonly input: boolean;
  /** Gives it a pseudo-terminal of this size; all that it writes is then standard output. */
  readonly terminal?: Size;
}

/** A process in a container, while it is talked to. */
export interface Process {
  /** What it writes until it ends, byte by byte as it was written. Who reads slowly makes it wait. */
  readonly output: AsyncIterable<{ readonly stream: 'stdout' | 'stderr'; readonly data: Buffer }>;
  /** Gives it input; resolves when it may be given more. What it does not read any more is dropped. */
  write(data: Buffer): Promise<void>;
  /** Ends its input; on a terminal nothing but Ctrl-D does. */
  end(): void;
  /** Its terminal has another size from now on. Never fails: a process may just have ended. */
  resize(size: Size): Promise<void>;
  /** Its exit code, once {@link output} has ended. A Failure when it cannot be known. */
  exit(): Promise<number>;
  /** Talks to it no more; it may live on. */
  close(): void;
}

/** The part of Docker's container configuration that oneclick fills in; the rest is the project's own. */
export interface ContainerOptions {
  readonly name: string;
  /** The body of `POST /containers/create`. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** What a path in a container leads to. */
export interface PathFacts {
  readonly name: string;
  readonly isFolder: boolean;
  /** Bytes, of a file. */
  readonly size: number;
  /** Of a link: what it leads to, an absolute path in the container. */
  readonly link?: string;
}

/** A named volume; its labels are all that interests us. */
export interface VolumeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * A host's Docker engine, by its API (https://docs.docker.com/reference/api/engine/). Each call throws a Failure
 * with the engine's own words: kind `unreachable` when the engine cannot be spoken to, `access` when this user may not,
 * `failed` when it refuses. Removing or stopping what is not there, and starting what runs, succeed.
 */
export interface Engine {
  version(): Promise<{ version: string; platform: string }>;
  /** Opens the way to the engine, so that the next call is quick. Never fails: the next call does. */
  warm(): Promise<void>;
  /** How many answers may last at once, as those of followed logs do: where the way is a command, each takes one of sshd's sessions. */
  readonly streams: number;
  /** All containers, running or not, with what only an inspection shows for those that carry our labels. */
  containers(): Promise<readonly InspectedContainer[]>;
  /** Undefined when there is none of that name or ID. */
  container(idOrName: string): Promise<InspectedContainer | undefined>;
  images(): Promise<readonly ImageFacts[]>;
  /** Asks the registry, without a pull. */
  resolve(reference: string, auth: RegistryAuth | undefined): Promise<ResolvedImage>;
  pull(
    image: string,
    auth: RegistryAuth | undefined,
    onProgress: (progress: PullProgress) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Makes an image of this name out of a file system, a tar archive. */
  importImage(reference: string, archive: Buffer): Promise<void>;
  removeImage(idOrReference: string): Promise<void>;
  /** Returns the ID; the existing one's when a container of this name is there and carries the same `oneclick.step` label. */
  create(options: ContainerOptions): Promise<string>;
  start(idOrName: string): Promise<void>;
  /** Sends the container's stop signal, then KILL after `timeout` ms; resolves when it has ended. */
  stop(idOrName: string, timeout: number): Promise<void>;
  remove(idOrName: string): Promise<void>;
  setRestart(idOrName: string, policy: string): Promise<void>;
  /** The last lines of standard output and error, oldest first, without terminal escapes. */
  logs(idOrName: string, lines: number): Promise<readonly string[]>;
  /**
   * Hands the lines of a container to `take`, in the order in which the engine has them, and waits for it: what is not
   * taken stays on the host. The first call is empty, and says that the engine has answered. Resolves when there are
   * no more; a Failure of kind `unreachable` when the engine breaks off.
   */
  readLogs(
    idOrName: string,
    options: LogOptions,
    take: (lines: readonly LogLine[]) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Starts a process in a running container. One that cannot be started says why on its output, and ends with 126 or 127. */
  exec(idOrName: string, argv: readonly string[], dialogue: StdioOptions): Promise<Process>;
  /** Starts a container that was made for such a dialogue, and talks to its main process. */
  attach(idOrName: string, dialogue: StdioOptions): Promise<Process>;
  /** Undefined when there is nothing at that path. Links on the way to it are followed, one at its end only before a slash. */
  pathFacts(idOrName: string, path: string): Promise<PathFacts | undefined>;
  /**
   * Hands what is at the path to `take`, as a tar archive whose first entry is called as the path ends. The archive is the
   * host's, and may hold anything.
   */
  readFiles(
    idOrName: string,
    path: string,
    take: (archive: AsyncIterable<Buffer>) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Unpacks a tar archive in a folder of the container; no folder there takes the place of a file, or a file that of a folder. */
  writeFiles(
    idOrName: string,
    folder: string,
    archive: AsyncIterable<Buffer>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Resolves with the exit code when the container has ended. */
  wait(idOrName: string, signal?: AbortSignal): Promise<number>;
  rename(idOrName: string, name: string): Promise<void>;
  /** The names of all networks. */
  networks(): Promise<readonly string[]>;
  /** Makes the bridge network unless it is there. */
  ensureNetwork(name: string, labels: Readonly<Record<string, string>>): Promise<void>;
  /** Joins the network under these names, instead of any that it has there. */
  connect(network: string, idOrName: string, aliases: readonly string[]): Promise<void>;
  /** Leaves the network. */
  disconnect(network: string, idOrName: string): Promise<void>;
  /** Those with this label: `key` or `key=value`. */
  volumes(label: string): Promise<readonly VolumeFacts[]>;
  /** Makes the volume unless it is there. */
  ensureVolume(name: string, labels: Readonly<Record<string, string>>): Promise<void>;
  removeVolume(name: string): Promise<void>;
}
