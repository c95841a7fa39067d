import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request to the server. */
export interface ServerRequest {
  readonly method: string;
  /** Includes the query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Answer = (response: ServerResponse, request: ServerRequest) => void;

/** A Docker API with scripted answers. Accepts all connection upgrades; other requests get 404. */
export class DockerServer {
  readonly requests: ServerRequest[] = [];
  /** Open connections, and the maximum so far. */
  open = 0;
  mostOpen = 0;
  readonly #answers = new Map<string, Answer>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    // Like the engine, never closes idle connections.
    this.#server.keepAliveTimeout = 0;
    this.#server.on('upgrade', ({ method = '', url = '', headers }, socket, head) => {
      this.requests.push({ method, url, headers, body: head.toString() });
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      this.open += 1;
      this.mostOpen = Math.max(this.mostOpen, this.open);
      socket.on('close', () => {
        this.open -= 1;
        this.#sockets.delete(socket);
      });
    });
  }

  static async start(): Promise<DockerServer> {
    const docker = new DockerServer();
    await new Promise<void>((resolve) => docker.#server.listen(0, '127.0.0.1', resolve));
    return docker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Answers requests to a route such as `POST /images/create`, with any query. */
  on(route: string, answer: Answer): void {
    this.#answers.set(route, answer);
  }

  json(route: string, body: unknown, status = 200): void {
    this.on(route, (response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  }

  /** Answers with JSON lines. */
  lines(route: string, lines: readonly unknown[]): void {
    this.on(route, (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(''));
    });
  }

  /** Closes all connections, as an engine does when it restarts. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.hangUp();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const { method = '', url = '', headers } = request;
    const recorded = { method, url, headers, body: Buffer.concat(parts).toString() };
    this.requests.push(recorded);
    const answer = this.#answers.get(`${method} ${url.replace(/\?.*$/, '')}`);
    if (answer === undefined) response.writeHead(404).end(JSON.stringify({ message: 'page not found' }));
    else answer(response, recorded);
  }
}
