import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Channel } from 'ssh2';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import { engineFailure, lostFailure } from '../failures.js';
import type { Host, RegistryAuth } from '../host.js';
import type { Connection } from '../ssh/connection.js';
import { openChannel } from '../ssh/sessions.js';
import { ChannelAgent, ChannelSocket } from './agent.js';

/** A request to Docker's API. */
export interface ApiRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly auth?: RegistryAuth | undefined;
  /** A tar archive, instead of a body. */
  readonly archive?: Buffer | Readable;
  /** Whether the answer is a stream. */
  readonly stream?: boolean;
  /** Whether the connection itself is what is wanted: the answer is a socket, a Duplex. */
  readonly hijack?: boolean;
}

/** An engine that refuses: its status and its own words. */
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
/** Channels that are opened together before they are needed: the facts of a host are read with about as many requests at once. */
const spareChannels = 10;
const accepted = { 200: true, 201: true, 204: true };

/** What lasts, as following a log does, is on channels of its own: it does not keep questions waiting. */
interface Pools<Way> {
  readonly requests: Way;
  readonly streams: Way;
}

/** Fewer than the sessions that sshd has for everybody. */
const maxStreams = 6;

/** Docker's API on a host, over its SSH connection, by the first way that works there. */
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

  /** Throws {@link ApiError}, or a Failure when the engine cannot be spoken to. */
  async send(request: ApiRequest, signal?: AbortSignal): Promise<unknown> {
    this.#modems ??= this.#connect();
    const modems = await this.#modems.catch((error: unknown) => {
      // The next call may find it well.
      this.#modems = undefined;
      throw error;
    });
    const { method, path, query = {}, body = {}, auth, archive, stream = false, hijack = false } = request;
    const modem = stream || hijack ? modems.streams : modems.requests;
    const options = {
      method,
      path: Object.keys(query).length === 0 ? path : `${path}?`,
      // Apart, for dockerode would otherwise repeat the body, and with it the environment, in the query.
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

  /** What a broken connection to the engine means. */
  async #connectionFailure(error: Error): Promise<Error> {
    if (error instanceof Failure) return error;
    // The channels end a moment before the connection that carries them.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#host.lost.aborted) return lostFailure(this.#host.name, error);
    this.#modems = undefined;
    return engineDown(this.#host.name, error.message, error);
  }

  async #connect(): Promise<Pools<Modem>> {
    const [{ default: Docker }, agents] = await Promise.all([import('dockerode'), this.#agents()]);
    // Everything that docker-modem would otherwise take from DOCKER_HOST and its like.
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

  /**
   * The engine's socket, forwarded; where that fails, which may have several reasons that look alike, by a command, and then by that
   * command as root.
   */
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

  /** `docker`, or `sudo -n docker`: the one that may speak to the engine. Throws a Failure that says why none may. */
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
      throw new Failure('access', 'engine.access', `${user} may not use Docker on ${name}`, {
        host: name,
        hint: `\`sudo usermod -aG docker ${user}\` on ${name} lets them, from the next login on.`,
        evidence: plain.stderr.trim().split('\n').slice(0, 3),
      });
    }
    if (missing)
      throw new Failure('unreachable', 'engine.missing', `there is no Docker on ${name}`, {
        host: name,
        hint: `oneclick host bootstrap ${name}`,
      });
    throw engineDown(name, plain.stderr.trim());
  }
}

const isOpen = (spare: ChannelSocket | undefined): spare is ChannelSocket => spare?.destroyed === false;

function engineDown(host: string, detail: string, cause?: unknown): Failure {
  return new Failure(
    'unreachable',
    'engine.down',
    `the Docker engine of ${host} does not answer: ${detail}`,
    {
      host,
      hint: `\`systemctl status docker\` on ${host} says more.`,
      passing: true,
      cause,
    },
  );
}

function messageOf(error: Error & { json?: unknown }): string {
  const { json } = error;
  if (typeof json === 'object' && json !== null && 'message' in json) return String(json.message);
  return error.message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
}

/** The Failure of a refusal. */
export function apiFailure(host: string, action: string, { message, status }: ApiError): Failure {
  return engineFailure(host, action, message || `HTTP status ${status}`, { status });
}
