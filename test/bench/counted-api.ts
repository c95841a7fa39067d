import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A call as it passed. */
export interface ApiCall {
  /** `RegisterTargets` */
  readonly action: string;
  /** When it came, as the time of this machine. ms */
  readonly at: number;
}

/** Stands before an endpoint of AWS, hands everything on, and keeps who was called for what. */
export class CountedApi {
  readonly #server = createServer((request, reply) => {
    this.#handOn(request, reply).catch(() => reply.destroy());
  });
  readonly #endpoint: URL;
  #calls: ApiCall[] = [];

  private constructor(endpoint: string) {
    this.#endpoint = new URL(endpoint);
  }

  static async before(endpoint: string): Promise<CountedApi> {
    const api = new CountedApi(endpoint);
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The calls since this was asked last, in their order. */
  taken(): readonly ApiCall[] {
    const taken = this.#calls;
    this.#calls = [];
    return taken;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handOn(asked: IncomingMessage, reply: ServerResponse): Promise<void> {
    const at = Date.now();
    const { method, url: path, headers } = asked;
    const form = await text(asked);
    this.#calls.push({ action: new URLSearchParams(form).get('Action') ?? '', at });
    const onward = ask(new URL(path ?? '/', this.#endpoint), { method, headers }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    onward.on('error', () => reply.destroy());
    onward.end(form);
  }
}
