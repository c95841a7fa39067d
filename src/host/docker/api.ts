import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import { engineFailure, lossOf } from '../failures.js';
import type { Host, RegistryAuth } from '../host.js';
import type { Channel } from '../ssh/channel.js';
import type { Connection } from '../ssh/connection.js';
import { openChannel } from '../ssh/sessions.js';
import { ChannelAgent, ChannelSocket } from './agent.js';

/** A request to the Docker API. */
export interface ApiRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly auth?: RegistryAuth | undefined;
  /** A tar archive to send instead of a body. */
  readonly archive?: Buffer | Readable;
  /** Whether to return the response as a stream. */
  readonly stream?: boolean;
  /** Whether to return the connection itself, a Duplex. */
  readonly hijack?: boolean;
}

/** An error response of the engine. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

interface Modem {
  dial(
    options: unknown,
    done: (error: (Error & { statusCode?: number; json?: unknown }) | null, data: unknown) => void,
  ): void;
}

const socketPath = '/var/run/docker.sock';
/** Channels to open ahead: reading facts sends about as many requests at once. */
const spareChannels = 10;
const accepted = { 200: true, 201: true, 204: true };

/** Streams, such as followed logs, use their own channels, so that requests do not wait for them. */
interface Pools<Way> {
  readonly requests: Way;
  readonly streams: Way;
}

/** Below the limit of SSH sessions, which others share. */
const maxStreams = 6;

/** The Docker API of a host, over its SSH connection. */
export class DockerApi {
  readonly #host: Host;
  readonly #connection: Connection;
  #modems: Promise<Pools<Modem>> | undefined;
  /** See `Engine.streams`. */
  streams = Number.POSITIVE_INFINITY;

  constructor(host: Host, connection: Connection) {
    this.#host = host;
    this.#connection = connection;
  }

  /** Sends a request. Throws an {@link ApiError}, or a Failure if the engine cannot be reached. */
  async send(request: ApiRequest, signal?: AbortSignal): Promise<unknown> {
    this.#modems ??= this.#connect();
    const modems = await this.#modems.catch((error: unknown) => {
      // The next call tries again.
      this.#modems = undefined;
      throw error;
    });
    const { method, path, query = {}, body = {}, auth, archive, stream = false, hijack = false } = request;
    const modem = stream || hijack ? modems.streams : modems.requests;
    const options = {
      method,
      path: Object.keys(query).length === 0 ? path : `${path}?`,
      // Separate, or dockerode repeats the body, including secrets, in the query.
      options: { _query: query, _body: body },
      isStream: stream || hijack,
      ...(hijack ? { hijack } : {}),
      statusCodes: accepted,
      ...given({ authconfig: auth, file: archive, abortSignal: signal }),
    };
    return new Promise((resolve, reject) => {
      modem.dial(options, (error, data) => {
        if (error === null) resolve(data);
        else if (signal?.aborted) reject(signal.reason);
        else if (error.statusCode !== undefined) reject(new ApiError(error.statusCode, messageOf(error)));
        else void this.#connectionFailure(error).then(reject);
      });
    });
  }

  /** Converts the error of a broken connection to the engine. */
  async #connectionFailure(error: Error): Promise<Error> {
    if (error instanceof Failure) return error;
    // Channels close just before the connection that carries them.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#host.lost.aborted) return lossOf(this.#host, error);
    this.#modems = undefined;
    return engineDown(this.#host.name, error.message, error);
  }

  async #connect(): Promise<Pools<Modem>> {
    const [{ default: Docker }, agents] = await Promise.all([import('dockerode'), this.#agents()]);
    // Overrides DOCKER_HOST and similar variables.
    const options: Docker.DockerOptions & { pathPrefix: string } = {
      protocol: 'http',
      host: 'localhost',
      port: 80,
      pathPrefix: '/',
      timeout: undefined,
      ca: undefined,
      cert: undefined,
      key: undefined,
    };
    const modem = (agent: ChannelAgent): Modem => {
      const dialing: Docker.DockerOptions & { agent: unknown } = { ...options, agent };
      return new Docker(dialing).modem;
    };
    return { requests: modem(agents.requests), streams: modem(agents.streams) };
  }

  /** Forwards the engine's socket; falls back to `docker system dial-stdio`, then to the same with sudo. */
  async #agents(): Promise<Pools<ChannelAgent>> {
    const { client, sessions } = this.#connection;
    const socket = () =>
      openChannel<Channel, ChannelSocket>(
        (done) => client.openssh_forwardOutStreamLocal(socketPath, done),
        (channel) => new ChannelSocket(channel),
      );
    const spares = await Promise.all(
      Array.from({ length: spareChannels }, () => socket().catch(() => undefined)),
    );
    if (spares[0] !== undefined) {
      const open = async () => spares.splice(0, 1).find(isOpen) ?? socket();
      return {
        requests: new ChannelAgent(open),
        streams: new ChannelAgent(open, () => false, Number.POSITIVE_INFINITY),
      };
    }
    for (const spare of spares) spare?.destroy();
    this.streams = maxStreams;
    const name = `${await this.#command()} system dial-stdio`;
    const agent = new ChannelAgent(
      () =>
        sessions.open(
          (done) => client.exec(`exec ${name}`, done),
          (channel) => new ChannelSocket(channel, { name, channel }),
        ),
      () => sessions.isExhausted,
    );
    sessions.onExhausted(() => agent.closeIdle());
    return { requests: agent, streams: agent };
  }

  /** Returns `docker` or `sudo -n docker`. Throws a Failure with the reason if neither works. */
  async #command(): Promise<string> {
    const { name } = this.#host;
    const runVersion = (argv: readonly string[]) =>
      this.#host.run({ argv: [...argv, 'version', '--format', '{{.Server.Version}}'], timeout: 20_000 });
    const plain = await runVersion(['docker']);
    if (plain.code === 0) return 'docker';
    const denied = /permission denied/i.test(plain.stderr);
    const missing = plain.code === 127;
    if (denied) {
      const root = await runVersion(['sudo', '-n', 'docker']);
      if (root.code === 0) return 'sudo -n docker';
      const { user } = this.#connection.target;
      throw new Failure('access', 'engine.access', `${user} has no permission to use Docker on ${name}`, {
        host: name,
        hint: `run on ${name}: sudo usermod -aG docker ${user}`,
        evidence: plain.stderr.trim().split('\n').slice(0, 3),
      });
    }
    if (missing)
      throw new Failure('unreachable', 'engine.missing', `Docker is not installed on ${name}`, {
        host: name,
        hint: `run: oneclick host bootstrap ${name}`,
      });
    throw engineDown(name, plain.stderr.trim());
  }
}

const isOpen = (spare: ChannelSocket | undefined): spare is ChannelSocket => spare?.destroyed === false;

function engineDown(host: string, detail: string, cause?: unknown): Failure {
  return new Failure(
    'unreachable',
    'engine.down',
    `the Docker engine on ${host} does not respond: ${detail}`,
    {
      host,
      hint: `run on ${host}: systemctl status docker`,
      transient: true,
      cause,
    },
  );
}

function messageOf(error: Error & { json?: unknown }): string {
  const { json } = error;
  if (typeof json === 'object' && json !== null && 'message' in json) return String(json.message);
  return error.message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
}

/** Converts an error response to a Failure; `image` as for {@link engineFailure}. */
export function apiFailure(
  host: string,
  action: string,
  { message, status }: ApiError,
  image?: string,
): Failure {
  return engineFailure(host, action, message || `HTTP status ${status}`, { status, image });
}
