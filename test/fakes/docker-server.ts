import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request that the server got. */
export interface Asked {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Answer = (response: ServerResponse, asked: Asked) => void;

/** Speaks Docker's API as far as a test has told it to, and gives a connection to all who ask for one; everything else is 404. */
export class DockerServer {
  readonly asked: Asked[] = [];
  /** How many connections are open, and the most that were. */
  open = 0;
  mostOpen = 0;
  readonly #answers = new Map<string, Answer>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    // As the engine does, it leaves it to the other side to close what is idle.
    this.#server.keepAliveTimeout = 0;
    this.#server.on('upgrade', ({ method = '', url = '', headers }, socket, head) => {
      this.asked.push({ method, url, headers, body: head.toString() });
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

  /** Answers requests to `POST /images/create` and the like, whatever their query. */
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

  /** Ends all connections, as an engine that restarts. */
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
    const asked = { method, url, headers, body: Buffer.concat(parts).toString() };
    this.asked.push(asked);
    const answer = this.#answers.get(`${method} ${url.replace(/\?.*$/, '')}`);
    if (answer === undefined) response.writeHead(404).end(JSON.stringify({ message: 'page not found' }));
    else answer(response, asked);
  }
}
