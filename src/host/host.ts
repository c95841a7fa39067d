import type { Duplex } from 'node:stream';
import type {
  ImageFacts,
  InspectedContainer,
  NetworkFacts,
  ResolvedImage,
  VolumeFacts,
} from '../domain/facts.js';

/** A command as data. */
export interface Command {
  readonly argv: readonly string[];
  /** Sent on standard input, never in argv. */
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

/** An HTTP request, usually to a port of the host that sends it. */
export interface Probe {
  readonly port: number;
  /** Address to connect to; 127.0.0.1 by default. */
  readonly address?: string;
  readonly path: string;
  /** `http` by default; `https` accepts any certificate. */
  readonly scheme?: 'http' | 'https';
  /** The Host header, and the server name of `https`; `localhost` and the port by default. */
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** ms */
  readonly timeout: number;
  /** The name that the server's certificate should be valid for. A wrong certificate is reported and not an error. */
  readonly serverName?: string;
}

export interface ProbeAnswer {
  readonly status: number;
  /** The target of a redirect, as the server wrote it. */
  readonly location?: string;
  /** The first 2 KiB, as text. */
  readonly body: string;
  /** The server's keep-alive timeout, from its `Keep-Alive` header. ms */
  readonly keepAlive?: number;
  /** Why the certificate is not valid for the probe's `serverName`. */
  readonly certificateProblem?: string;
  /** ms */
  readonly duration: number;
}

/** A process on the host that runs until its standard input is closed. */
export interface RemoteProcess {
  /** Lines of its standard output. */
  readonly lines: AsyncIterable<string>;
  write(line: string): void;
  /** Resolves with the exit code, or undefined if the connection was lost. */
  readonly ended: Promise<number | undefined>;
  /** Closes its standard input. */
  end(): void;
}

/** A port on a host whose connections are forwarded to this process. */
export interface ForwardedPort {
  /** Stops listening and closes open connections; safe to call after the connection is lost. */
  end(): void;
}

/** Receives each connection to a forwarded port. */
export type ConnectionHandler = (connection: Duplex) => void;

/** A connected machine. Throws only {@link Failure}s; anything else is a bug. */
export interface Host {
  readonly name: string;
  readonly engine: Engine;
  /** Aborted when the connection is lost. */
  readonly lost: AbortSignal;
  /** Runs a command; returns any exit code. Throws a Failure if there is none: a signal, or a lost connection. */
  run(command: Command, signal?: AbortSignal): Promise<CommandResult>;
  /** Starts a process and exchanges lines with it. */
  spawn(argv: readonly string[]): Promise<RemoteProcess>;
  /** Sends an HTTP request. Throws a Failure of kind `unhealthy` if there is no HTTP response. */
  probe(probe: Probe, signal?: AbortSignal): Promise<ProbeAnswer>;
  /** Resolves when the port accepts a connection. Throws a Failure of kind `unhealthy` otherwise. */
  reach(port: number, options: { address?: string; timeout: number }, signal?: AbortSignal): Promise<void>;
  /**
   * Forwards a port of the host's loopback to this process, until it is ended or the connection is lost. Throws a Failure
   * `lend.taken` if the port is in use, `lend.forbidden` if the host does not allow forwarding.
   */
  forwardPort(port: number, handle: ConnectionHandler): Promise<ForwardedPort>;
  close(): Promise<void>;
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
  /** Used by some registries instead of a password. */
  readonly identitytoken?: string;
}

/**
 * Asks a registry for an image through the engine of `host`: with the caller's login, else without one, and if that is denied,
 * with the login of the host.
 */
export type WithLogin = <T>(
  host: Host,
  reference: string,
  ask: (login: RegistryAuth | undefined) => Promise<T>,
) => Promise<T>;

export interface PullProgress {
  /** Bytes, of all layers with a known size. */
  readonly done: number;
  readonly total: number;
  readonly layers: number;
  readonly layersDone: number;
}

/** A line of a container's log. */
export interface LogLine {
  /** RFC 3339 in UTC with nanoseconds, by the engine's clock; sorts as text. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** Without terminal escapes and control characters. */
  readonly text: string;
}

/** The lines of a container's log to read. */
export interface LogOptions {
  /** Whether to wait for new lines until the container exits. */
  readonly follow: boolean;
  /** Number of lines from the end; all by default. */
  readonly lines?: number;
  /** Earliest time, RFC 3339. */
  readonly since?: string;
}

/** The size of a terminal, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The standard input and terminal of a process in a container. */
export interface StdioOptions {
  /** Whether it receives input; its input is empty otherwise. */
  readonly input: boolean;
  /** Allocates a pseudo-terminal of this size, which merges standard error into standard output. */
  readonly terminal?: Size;
}

/** A process in a container, with its input and output attached. */
export interface Process {
  /** Raw output until it exits. A slow reader blocks the process. */
  readonly output: AsyncIterable<{ readonly stream: 'stdout' | 'stderr'; readonly data: Buffer }>;
  /** Writes input; resolves when more can be written. Input after it stopped reading is dropped. */
  write(data: Buffer): Promise<void>;
  /** Closes its input; has no effect on a terminal. */
  end(): void;
  /** Resizes its terminal. Never throws, because the process may have exited. */
  resize(size: Size): Promise<void>;
  /** Returns the exit code, once {@link output} has ended. Throws a Failure if there is none. */
  exit(): Promise<number>;
  /** Detaches; the process may keep running. */
  close(): void;
}

/** The main process of a container, for a diagnosis. */
export interface ProcessFacts {
  /** Its ID on the host, while it runs. */
  readonly pid?: number;
  /** The program that the container runs, as in its entrypoint or command. */
  readonly program?: string;
  /** The last result of its HEALTHCHECK. */
  readonly healthcheck?: { readonly exit: number; readonly output: string };
}

/** A container to create. */
export interface ContainerOptions {
  readonly name: string;
  /** The body of `POST /containers/create`. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** A file, directory or link in a container. */
export interface PathFacts {
  readonly name: string;
  readonly isFolder: boolean;
  /** Bytes, if it is a file. */
  readonly size: number;
  /** Target of a link, an absolute path in the container. */
  readonly link?: string;
}

/**
 * The Docker engine of a host, through its API (https://docs.docker.com/reference/api/engine/). Each call throws a
 * Failure with the engine's message: kind `unreachable` if there is no response, `access` if the user lacks permission,
 * `failed` otherwise. Stopping or removing a missing container succeeds, as does starting a running one.
 */
export interface Engine {
  version(): Promise<{ version: string; platform: string }>;
  /** Opens connections ahead of the first call. Never throws; the next call does. */
  warm(): Promise<void>;
  /** How many responses can be streamed at once; over `docker system dial-stdio` each uses an SSH session. */
  readonly streams: number;
  /** Lists all containers, running or not; inspects those with oneclick labels. */
  containers(): Promise<readonly InspectedContainer[]>;
  /** Returns undefined if there is no such container. */
  container(idOrName: string): Promise<InspectedContainer | undefined>;
  /** Returns undefined if there is no such container. */
  processOf(idOrName: string): Promise<ProcessFacts | undefined>;
  images(): Promise<readonly ImageFacts[]>;
  /** Resolves a reference in its registry, without pulling. */
  resolve(reference: string, auth: RegistryAuth | undefined): Promise<ResolvedImage>;
  pull(
    image: string,
    auth: RegistryAuth | undefined,
    onProgress: (progress: PullProgress) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Creates an image from a tar archive of its file system. */
  importImage(reference: string, archive: Buffer): Promise<void>;
  removeImage(idOrReference: string): Promise<void>;
  /** Returns the ID, which is that of an existing container with the same name and `oneclick.step` label. */
  create(options: ContainerOptions): Promise<string>;
  start(idOrName: string): Promise<void>;
  /** Sends the container's stop signal, then KILL after `timeout` ms; resolves when it has exited. */
  stop(idOrName: string, timeout: number): Promise<void>;
  remove(idOrName: string): Promise<void>;
  setRestart(idOrName: string, policy: string): Promise<void>;
  /** Returns the last lines of both outputs, oldest first, without terminal escapes. */
  logs(idOrName: string, lines: number): Promise<readonly string[]>;
  /**
   * Passes log lines to `onLines` in the engine's order and awaits it before reading more. The first call is empty and
   * means that the engine has responded. Throws a Failure of kind `unreachable` if the stream breaks.
   */
  readLogs(
    idOrName: string,
    options: LogOptions,
    onLines: (lines: readonly LogLine[]) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Starts a process in a running container. One that cannot start prints the reason and exits with 126 or 127. */
  exec(idOrName: string, argv: readonly string[], stdio: StdioOptions): Promise<Process>;
  /** Starts a container that was created with these options, and attaches to its main process. */
  attach(idOrName: string, stdio: StdioOptions): Promise<Process>;
  /** Returns undefined if nothing is there. Follows links, but a link at the end only before a slash. */
  pathFacts(idOrName: string, path: string): Promise<PathFacts | undefined>;
  /**
   * Passes the file or directory to `consume`, as a tar archive whose first entry has the path's last name. Do not
   * trust the archive: the host creates it.
   */
  readFiles(
    idOrName: string,
    path: string,
    consume: (archive: AsyncIterable<Buffer>) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Unpacks a tar archive in a directory of the container; never replaces a file with a directory or the reverse. */
  writeFiles(
    idOrName: string,
    folder: string,
    archive: AsyncIterable<Buffer>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Resolves with the exit code when the container has exited. */
  wait(idOrName: string, signal?: AbortSignal): Promise<number>;
  rename(idOrName: string, name: string): Promise<void>;
  networks(): Promise<readonly NetworkFacts[]>;
  /** Creates a bridge network unless one with this name exists, whose labels stay. */
  ensureNetwork(name: string, labels: Readonly<Record<string, string>>): Promise<void>;
  /**
   * Creates an internal bridge network unless one with this name exists. The engine chooses addresses from the lower half of
   * its subnet only; the upper half is for addresses that {@link connect} gives.
   */
  ensureNamesNetwork(name: string, labels: Readonly<Record<string, string>>): Promise<void>;
  /** Returns the IPv4 subnet of such a network, `10.0.0.0/16`; undefined if no address can be given on it, or it is missing. */
  fixedSubnet(network: string): Promise<string | undefined>;
  /**
   * Connects the container to the network; these aliases replace any others. It gets this address, or keeps the one that it
   * was given before; otherwise the engine chooses one.
   */
  connect(network: string, idOrName: string, aliases: readonly string[], address?: string): Promise<void>;
  /** Disconnects the container from the network. */
  disconnect(network: string, idOrName: string): Promise<void>;
  /** Lists volumes: all, or those with this label, `key` or `key=value`. */
  volumes(label?: string): Promise<readonly VolumeFacts[]>;
  /** Creates a volume unless one with this name exists; returns it with the labels that it has. */
  ensureVolume(name: string, labels: Readonly<Record<string, string>>): Promise<VolumeFacts>;
  removeVolume(name: string): Promise<void>;
}
