import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A recorded call. */
export interface ApiCall {
  /** Such as `RegisterTargets`. */
  readonly action: string;
  /** Local time, ms since the epoch. */
  readonly at: number;
}

/** A proxy to an AWS endpoint that records all calls. */
export class CountingProxy {
  readonly #server = createServer((request, reply) => {
    this.#forward(request, reply).catch(() => reply.destroy());
  });
  readonly #endpoint: URL;
  #calls: ApiCall[] = [];

  private constructor(endpoint: string) {
    this.#endpoint = new URL(endpoint);
  }

  static async to(endpoint: string): Promise<CountingProxy> {
    const proxy = new CountingProxy(endpoint);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Returns and clears the calls so far. */
  take(): readonly ApiCall[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #forward(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const at = Date.now();
    const { method, url: path, headers } = incoming;
    const form = await text(incoming);
    this.#calls.push({ action: new URLSearchParams(form).get('Action') ?? '', at });
    const forwarded = sendRequest(new URL(path ?? '/', this.#endpoint), { method, headers }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    forwarded.on('error', () => reply.destroy());
    forwarded.end(form);
  }
}
