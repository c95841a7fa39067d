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
export class CountingProxy {
  readonly #server = createServer((request, reply) => {
    this.#handOn(request, reply).catch(() => reply.destroy());
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

  /** The calls since this was asked last, in their order. */
  take(): readonly ApiCall[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handOn(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const at = Date.now();
    const { method, url: path, headers } = incoming;
    const form = await text(incoming);
    this.#calls.push({ action: new URLSearchParams(form).get('Action') ?? '', at });
    const forwarded = ask(new URL(path ?? '/', this.#endpoint), { method, headers }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    forwarded.on('error', () => reply.destroy());
    forwarded.end(form);
  }
}
