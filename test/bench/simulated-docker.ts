import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Container {
  readonly Id: string;
  readonly Name: string;
  readonly Config: { readonly Image: string; readonly Labels: unknown; readonly Env: unknown };
  readonly HostConfig: { RestartPolicy: unknown; readonly PortBindings: unknown };
  readonly NetworkSettings: { readonly Networks: object; readonly Ports: object };
  readonly State: { Status: string; ExitCode: number; StartedAt: string };
}

interface ParsedRequest {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
}

const digestOf = (words: string) => `sha256:${createHash('sha256').update(words).digest('hex')}`;

/** The part of the Docker API that a deploy uses. Responds at once and runs nothing. */
export class SimulatedDocker {
  readonly #containers = new Map<string, Container>();
  readonly #volumes: unknown[] = [];
  readonly #networks = new Map<string, unknown>();
  readonly #images = new Set<string>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    // Like the engine, never closes idle connections.
    this.#server.keepAliveTimeout = 0;
  }

  static async start(): Promise<SimulatedDocker> {
    const docker = new SimulatedDocker();
    await new Promise<void>((resolve) => docker.#server.listen(0, '127.0.0.1', resolve));
    return docker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://docker');
    const received = await text(request);
    const path = pathname.split('/').filter((part) => part !== '');
    const isJson = request.headers['content-type']?.includes('json') === true && received !== '';
    const parsed = { path, query: searchParams, body: isJson ? JSON.parse(received) : {} };
    const answer = this.#answer(`${request.method} ${path[0]}/${path.at(-1)}`, parsed);
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { message: 'not found' }));
  }

  #answer(route: string, request: ParsedRequest): unknown {
    const { path, query, body } = request;
    switch (route) {
      case 'GET version/version':
        return { Version: '20.10.24', Os: 'linux', Arch: 'amd64' };
      case 'GET info/info':
        return { DockerRootDir: '/var/lib/docker' };
      case 'GET images/json':
        return [...this.#images].map((image) => ({ Id: image, RepoDigests: [image], RepoTags: [], Size: 1 }));
      case 'GET volumes/volumes':
        return { Volumes: this.#volumes };
      case 'POST volumes/create':
        this.#volumes.push(body);
        return body;
      case 'GET networks/networks':
        return [...this.#networks].map(([Name, Labels]) => ({ Name, Labels }));
      case 'POST networks/create':
        this.#networks.set(String(body.Name), body.Labels);
        return { Id: body.Name };
      case 'POST images/create':
        this.#images.add(query.get('fromImage') ?? '');
        return { status: 'Status: Downloaded newer image' };
      case 'GET distribution/json':
        return { Descriptor: { digest: digestOf(path.join('/')) }, Platforms: [] };
      case 'POST containers/create':
        return this.#create(query.get('name') ?? '', body);
      default:
        return this.#answerContainer(route, request);
    }
  }

  #answerContainer(route: string, { path, body }: ParsedRequest): unknown {
    if (route === 'GET containers/json' && path.length === 2)
      return [...this.#containers.values()].map((one) => ({
        ...{ Id: one.Id, Names: [`/${one.Name}`], Image: one.Config.Image, Labels: one.Config.Labels },
        ...{ State: one.State.Status, Status: '', Ports: [] },
      }));
    const container = this.#containers.get(path[1] ?? '');
    if (container === undefined) return undefined;
    switch (route) {
      case 'POST containers/start':
        Object.assign(container.State, { Status: 'running', StartedAt: '2026-01-01T00:00:00Z' });
        return {};
      case 'POST containers/stop':
        container.State.Status = 'exited';
        return {};
      case 'POST containers/update':
        container.HostConfig.RestartPolicy = body.RestartPolicy;
        return {};
      default:
        return container;
    }
  }

  #create(name: string, body: Record<string, unknown>): unknown {
    const Id = randomBytes(32).toString('hex');
    const { RestartPolicy, PortBindings } = body.HostConfig as Record<string, unknown>;
    const container: Container = {
      ...{ Id, Name: name },
      Config: { Image: String(body.Image), Labels: body.Labels, Env: body.Env },
      HostConfig: { RestartPolicy, PortBindings },
      NetworkSettings: { Networks: {}, Ports: {} },
      State: { Status: 'created', ExitCode: 0, StartedAt: '0001-01-01T00:00:00Z' },
    };
    this.#containers.set(Id, container);
    this.#containers.set(name, container);
    return { Id };
  }
}
