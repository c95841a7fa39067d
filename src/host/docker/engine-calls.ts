import { IncomingMessage } from 'node:http';
import { Duplex, Readable } from 'node:stream';
import type { z } from 'zod';
import { withTimeout } from '../../domain/abort.js';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { CallLog } from '../call-log.js';
import { engineFailure } from '../failures.js';
import type { Host } from '../host.js';
import { ApiError, type ApiRequest, apiFailure, type DockerApi } from './api.js';
import { PullError } from './pull-progress.js';

/** ms */
export const responseTimeout = 60_000;
/** Shorter timeout after a previous timeout. ms */
const retryTimeout = 10_000;

/** Timeout and cancellation of a call. */
export interface CallOptions {
  /** Time for the whole call; unlimited if the call waits for an event. ms */
  readonly deadline?: number;
  /** Signals that cancel the call, in addition to the loss of the host. */
  readonly signals?: readonly (AbortSignal | undefined)[];
  /** The image that the call reads from a registry. */
  readonly image?: string;
}

/** Sends requests to an engine: logs them, applies timeouts, and converts errors to Failures. */
export class EngineCalls {
  readonly #host: Host;
  readonly #api: DockerApi;
  readonly #clock: Clock;
  readonly #log: CallLog;
  #timedOut = false;
  /** The names of containers by ID, for messages. */
  readonly #names = new Map<string, string>();

  constructor(host: Host, api: DockerApi, clock: Clock, log: CallLog) {
    this.#host = host;
    this.#api = api;
    this.#clock = clock;
    this.#log = log;
  }

  /** Remembers the name of a container; messages have it instead of the ID. */
  nameContainer(id: string, name: string): void {
    this.#names.set(id, name.replace(/^\//, ''));
  }

  #named(text: string): string {
    return text.replace(/\b[0-9a-f]{64}\b/g, (id) => this.#names.get(id) ?? id);
  }

  /** Sends a GET request and parses the response. */
  async get<T>(
    action: string,
    path: string,
    answer: z.ZodType<T>,
    query: Record<string, string> = {},
  ): Promise<T> {
    return answer.parse(await this.send(action, { method: 'GET', path, query }));
  }

  /** Sends a request; error statuses in `accepted` count as success. */
  async ensure(
    action: string,
    request: ApiRequest,
    accepted: readonly number[],
    options: CallOptions = {},
  ): Promise<void> {
    try {
      await this.raw(action, request, options);
    } catch (error) {
      if (!(error instanceof ApiError && accepted.includes(error.status)))
        throw this.translate(action, error);
    }
  }

  /** Sends a request; converts an {@link ApiError} to a Failure. */
  send(action: string, request: ApiRequest, options: CallOptions = {}): Promise<unknown> {
    return this.raw(action, request, options).catch((error: unknown) => {
      throw this.translate(action, error, options.image);
    });
  }

  /** Sends a request; throws an {@link ApiError} unchanged. */
  raw(action: string, request: ApiRequest, options: CallOptions = {}): Promise<unknown> {
    return this.#withLimit(action, request, options, (answer) => Promise.resolve(answer));
  }

  /** Requests a stream and reads it within the deadline. */
  read<T>(
    action: string,
    request: ApiRequest,
    options: CallOptions,
    read: (stream: Readable) => Promise<T>,
  ): Promise<T> {
    const readStream = (answer: unknown) => {
      if (!(answer instanceof Readable)) throw new TypeError(`${action}: the response is not a stream`);
      return read(answer);
    };
    return this.#withLimit(action, request, options, readStream).catch((error: unknown) => {
      throw this.translate(action, error, options.image);
    });
  }

  /** Returns a header of a HEAD response, or undefined for status 404. */
  async header(
    action: string,
    name: string,
    request: Pick<ApiRequest, 'path' | 'query'>,
  ): Promise<string | undefined> {
    const read = async (answer: unknown) => {
      if (!(answer instanceof IncomingMessage)) throw new TypeError(`${action}: the response has no headers`);
      answer.resume();
      return answer.headers[name];
    };
    try {
      const value = await this.#withLimit(action, { ...request, method: 'HEAD', stream: true }, {}, read);
      if (typeof value === 'string') return value;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw this.translate(action, error);
    }
    throw new TypeError(`${action}: the response has no ${name}`);
  }

  /** Returns the upgraded connection, which no longer carries HTTP. */
  async hijack(action: string, request: ApiRequest): Promise<Duplex> {
    const answer = await this.send(action, { ...request, hijack: true });
    if (answer instanceof Duplex) return answer;
    throw new TypeError(`${action}: the engine did not upgrade the connection`);
  }

  #withLimit<T>(
    action: string,
    request: ApiRequest,
    { deadline = responseTimeout, signals = [] }: CallOptions,
    read: (answer: unknown) => Promise<T>,
  ): Promise<T> {
    const { name, lost } = this.#host;
    const title = this.#named(action);
    const limit = this.#timedOut ? deadline - responseTimeout + retryTimeout : deadline;
    const onTimeout = () => {
      this.#timedOut = true;
      const message = `cannot ${title}: the Docker engine on ${name} did not respond within ${limit / 1000} s`;
      return new Failure('unreachable', 'engine.silent', message, { host: name });
    };
    const work = async (stop: AbortSignal) => {
      const answer = await this.#api.send(request, stop);
      this.#timedOut = false;
      return read(answer);
    };
    const call = () => withTimeout(this.#clock, limit, [lost, ...signals], onTimeout, work);
    return this.#log.record(name, 'engine', title, call, limit);
  }

  /** Converts engine errors to Failures; returns other errors unchanged. */
  translate(action: string, error: unknown, image?: string): unknown {
    const title = this.#named(action);
    if (error instanceof ApiError)
      return apiFailure(
        this.#host.name,
        title,
        new ApiError(error.status, this.#named(error.message)),
        image,
      );
    if (error instanceof PullError)
      return engineFailure(this.#host.name, title, error.message, { cause: error, image });
    return error;
  }
}
