import { IncomingMessage } from 'node:http';
import { Duplex, Readable } from 'node:stream';
import type { z } from 'zod';
import { withTimeout } from '../../domain/abort.js';
import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { CallLog } from '../call-log.js';
import { engineFailure } from '../failures.js';
import type { Host } from '../host.js';
import { type ApiRequest, type DockerApi, Refused, refusal } from './api.js';
import { PullError } from './pull-progress.js';

/** ms */
export const answerWithin = 60_000;
/** The same for an engine that was silent the last time: it may be back, but is not waited for so long again. ms */
const secondChance = 10_000;

/** How long, and until when. */
export interface Asking {
  /** Of the call, in ms; unlimited where the call itself waits for something. */
  readonly deadline?: number;
  /** Those beside the loss of the host. */
  readonly signals?: readonly (AbortSignal | undefined)[];
}

/** Requests to one engine: timed, cancelled, told of, and failing in the engine's own words. */
export class EngineCalls {
  readonly #host: Host;
  readonly #api: DockerApi;
  readonly #clock: Clock;
  readonly #log: CallLog;
  #silent = false;

  constructor(host: Host, api: DockerApi, clock: Clock, log: CallLog) {
    this.#host = host;
    this.#api = api;
    this.#clock = clock;
    this.#log = log;
  }

  /** Asks with GET, and parses the answer. */
  async get<T>(
    doing: string,
    path: string,
    answer: z.ZodType<T>,
    query: Record<string, string> = {},
  ): Promise<T> {
    return answer.parse(await this.ask(doing, { method: 'GET', path, query }));
  }

  /** Asks, and takes these refusals for "it is so already". */
  async settle(
    doing: string,
    request: ApiRequest,
    fine: readonly number[],
    asking: Asking = {},
  ): Promise<void> {
    try {
      await this.raw(doing, request, asking);
    } catch (error) {
      if (!(error instanceof Refused && fine.includes(error.status))) throw this.translate(doing, error);
    }
  }

  /** Asks; a refusal is a Failure. */
  ask(doing: string, request: ApiRequest, asking: Asking = {}): Promise<unknown> {
    return this.raw(doing, request, asking).catch((error: unknown) => {
      throw this.translate(doing, error);
    });
  }

  /** Asks; a refusal is thrown as such. */
  raw(doing: string, request: ApiRequest, asking: Asking = {}): Promise<unknown> {
    return this.#within(doing, request, asking, (answer) => Promise.resolve(answer));
  }

  /** Asks for a stream and reads it, within the deadline. */
  read<T>(
    doing: string,
    request: ApiRequest,
    asking: Asking,
    read: (stream: Readable) => Promise<T>,
  ): Promise<T> {
    const readStream = (answer: unknown) => {
      if (!(answer instanceof Readable)) throw new TypeError(`${doing}: the answer is no stream`);
      return read(answer);
    };
    return this.#within(doing, request, asking, readStream).catch((error: unknown) => {
      throw this.translate(doing, error);
    });
  }

  /** Asks for a header of the answer alone; undefined when the engine knows of nothing there. */
  async header(
    doing: string,
    name: string,
    request: Pick<ApiRequest, 'path' | 'query'>,
  ): Promise<string | undefined> {
    const read = async (answer: unknown) => {
      if (!(answer instanceof IncomingMessage)) throw new TypeError(`${doing}: the answer has no headers`);
      answer.resume();
      return answer.headers[name];
    };
    try {
      const value = await this.#within(doing, { ...request, method: 'HEAD', stream: true }, {}, read);
      if (typeof value === 'string') return value;
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return undefined;
      throw this.translate(doing, error);
    }
    throw new TypeError(`${doing}: the answer has no ${name}`);
  }

  /** Asks for the connection itself: what goes over it from then on is no HTTP. */
  async hijack(doing: string, request: ApiRequest): Promise<Duplex> {
    const answer = await this.ask(doing, { ...request, hijack: true });
    if (answer instanceof Duplex) return answer;
    throw new TypeError(`${doing}: the engine does not give its connection away`);
  }

  #within<T>(
    doing: string,
    request: ApiRequest,
    { deadline = answerWithin, signals = [] }: Asking,
    read: (answer: unknown) => Promise<T>,
  ): Promise<T> {
    const { name, lost } = this.#host;
    const limit = this.#silent ? deadline - answerWithin + secondChance : deadline;
    const late = () => {
      this.#silent = true;
      const message = `${doing}: the Docker engine of ${name} did not answer within ${limit / 1000} s`;
      return new Failure('unreachable', 'engine.silent', message, { host: name });
    };
    const work = async (stop: AbortSignal) => {
      const answer = await this.#api.ask(request, stop);
      this.#silent = false;
      return read(answer);
    };
    const asked = () => withTimeout(this.#clock, limit, [lost, ...signals], late, work);
    return this.#log.record(name, 'engine', doing, asked, limit);
  }

  /** The Failure that an error stands for. */
  translate(doing: string, error: unknown): unknown {
    if (error instanceof Refused) return refusal(this.#host.name, doing, error);
    if (error instanceof PullError)
      return engineFailure(this.#host.name, doing, error.message, { cause: error });
    return error;
  }
}
