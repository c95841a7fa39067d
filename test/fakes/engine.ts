import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Clock } from '../../src/domain/clock.js';
import type {
  ImageFacts,
  InspectedContainer,
  NetworkFacts,
  ResolvedImage,
  VolumeFacts,
} from '../../src/domain/facts.js';
import { familiarName } from '../../src/domain/image.js';
import { engineFailure } from '../../src/host/failures.js';
import type {
  ContainerOptions,
  Engine,
  LogLine,
  LogOptions,
  PathFacts,
  Process,
  ProcessFacts,
  PullProgress,
  RegistryAuth,
  StdioOptions,
} from '../../src/host/host.js';
import { Faults } from './faults.js';
import { FakeFiles } from './files.js';
import { FakeLog, FakeProcess, type RunCommand } from './process.js';

/** The behavior of an image's program. By default it runs, and answers every request with 200. */
export interface Behaviour {
  /** The status of an answer; `never`: accepts and stays silent; `refused`: does not listen. */
  readonly answers?: number | 'never' | 'refused' | ((path: string) => number);
  readonly body?: string;
  /** Answers 400 to requests with another Host header. */
  readonly onlyHost?: string;
  /** The target of its redirects; it answers 200 to requests that a proxy received by HTTPS. */
  readonly location?: string;
  /** It speaks TLS, and answers no plain request. */
  readonly tls?: true;
  /** The status of each other port of the container, at its own address. */
  readonly inside?: Readonly<Record<number, number>>;
  /** The lines of `/proc/PID/net/tcp` on its host: local addresses in hex, such as `0100007F:0BB8`. */
  readonly sockets?: readonly string[];
  /** The program that it runs, with its file. */
  readonly program?: { readonly path: string; readonly data: string };
  /** The last output of HEALTHCHECK. */
  readonly healthOutput?: string;
  /** The keep-alive timeout it announces, ms. */
  readonly keepAlive?: number;
  /** Exits with this code, `after` ms (default 0). */
  readonly exits?: { readonly code: number; readonly after?: number; readonly outOfMemory?: true };
  readonly logs?: readonly string[];
  /** The result of HEALTHCHECK. */
  readonly health?: 'starting' | 'healthy' | 'unhealthy';
  /** Runs commands in it; by default they succeed without output. */
  readonly runs?: RunCommand;
  /** The exit code on stop; undefined: it ignores the signal and is killed after the timeout. */
  readonly stops?: number | undefined;
}

export interface FakeImage {
  readonly repository: string;
  readonly digest: string;
  readonly id: string;
  readonly platforms: readonly string[];
  /** Bytes of each layer. */
  readonly layers: readonly number[];
  readonly behaviour: Behaviour;
  readonly auth?: RegistryAuth;
}

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const repositoryOf = (reference: string) => reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');

/** A registry: images by reference. */
export class FakeRegistry {
  readonly #images = new Map<string, FakeImage>();
  #pushed = 0;

  /** Pushes a new image under a tag and returns its digest. */
  push(
    reference: string,
    behaviour: Behaviour = {},
    options: { platforms?: readonly string[]; layers?: readonly number[]; auth?: RegistryAuth } = {},
  ): string {
    this.#pushed += 1;
    const digest = digestOf(`${reference} ${this.#pushed}`);
    const repository = repositoryOf(reference);
    const image: FakeImage = {
      repository,
      digest,
      id: digestOf(`config of ${digest}`),
      platforms: options.platforms ?? ['linux/amd64'],
      layers: options.layers ?? [1000, 2000],
      behaviour,
      ...(options.auth === undefined ? {} : { auth: options.auth }),
    };
    this.#images.set(reference, image);
    this.#images.set(`${repository}@${digest}`, image);
    return digest;
  }

  find(reference: string): FakeImage | undefined {
    return this.#images.get(reference);
  }
}

interface FakeContainer {
  facts: InspectedContainer;
  readonly behaviour: Behaviour;
  readonly log: FakeLog;
  readonly files: FakeFiles;
  readonly command: readonly string[];
  readonly pid: number;
  /** Stopped by a user, so not started with the engine. */
  stopped: boolean;
  readonly waiting: Set<(code: number) => void>;
  /** Counts starts, so that old timers do not end new processes. */
  starts: number;
  readonly aliases: Map<string, readonly string[]>;
  /** The networks at its first start; a recreated network is a different one. */
  readonly joined: Map<string, object>;
}

interface ContainerBody {
  Image?: string;
  Entrypoint?: string[];
  Labels?: Record<string, string>;
  Env?: string[];
  HostConfig?: {
    NetworkMode?: string;
    RestartPolicy?: { Name?: string };
    Binds?: string[];
    PortBindings?: Record<string, { HostPort?: string }[]>;
  };
  NetworkingConfig?: { EndpointsConfig?: Record<string, { Aliases?: string[] }> };
}

export interface FakeEngineOptions {
  readonly clock: Clock;
  readonly host?: string;
  readonly registry?: FakeRegistry;
  readonly version?: string;
  readonly platform?: string;
}

/** Whether it is a default network of Docker. */
const isDefault = (network: string) => ['bridge', 'host', 'none'].includes(network);

/** The facts with these aliases, as the real engine lists them. */
function withAliases<F extends Omit<InspectedContainer, 'id'>>(
  { aliases: _, ...facts }: F,
  aliases: ReadonlyMap<string, readonly string[]>,
): Omit<F, 'aliases'> & Pick<InspectedContainer, 'aliases'> {
  const named = [...aliases].filter(([, names]) => names.length > 0);
  return named.length === 0 ? facts : { ...facts, aliases: Object.fromEntries(named) };
}

/** An in-memory Docker engine with the rules of the real one. */
export class FakeEngine implements Engine {
  readonly registry: FakeRegistry;
  /** Planned failures, and all calls so far. */
  readonly faults = new Faults<Engine>();
  /** Ports of the host in use by other programs. */
  readonly occupied = new Set<number>();
  /** All processes of exec and attach. */
  readonly processes: FakeProcess[] = [];
  readonly #networks = new Map<string, Readonly<Record<string, string>>>();
  readonly #options: FakeEngineOptions;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #containers = new Map<string, FakeContainer>();
  readonly #images = new Map<string, { facts: ImageFacts; image: FakeImage }>();
  readonly #volumes = new Map<string, VolumeFacts>();
  #created = 0;
  #logLines = 0;

  constructor(options: FakeEngineOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#host = options.host ?? 'fake';
    this.registry = options.registry ?? new FakeRegistry();
  }

  streams = Number.POSITIVE_INFINITY;
  async warm(): Promise<void> {}

  async version(): Promise<{ version: string; platform: string }> {
    await this.faults.pass('version');
    const { version = '28.0.0', platform = 'linux/amd64' } = this.#options;
    return { version, platform };
  }

  async containers(): Promise<readonly InspectedContainer[]> {
    await this.faults.pass('containers');
    return this.all();
  }

  async container(idOrName: string): Promise<InspectedContainer | undefined> {
    await this.faults.pass('container', idOrName);
    return this.#find(idOrName)?.facts;
  }

  async processOf(idOrName: string): Promise<ProcessFacts | undefined> {
    await this.faults.pass('processOf', idOrName);
    const container = this.#find(idOrName);
    if (container === undefined) return undefined;
    const { program, healthOutput } = container.behaviour;
    return {
      ...(container.facts.state === 'running' ? { pid: container.pid } : {}),
      ...(program === undefined ? {} : { program: program.path }),
      ...(healthOutput === undefined ? {} : { healthcheck: { exit: 1, output: healthOutput } }),
    };
  }

  async images(): Promise<readonly ImageFacts[]> {
    await this.faults.pass('images');
    return [...this.#images.values()].map(({ facts }) => facts);
  }

  async resolve(reference: string, auth: RegistryAuth | undefined): Promise<ResolvedImage> {
    await this.faults.pass('resolve', reference, auth);
    const { digest, platforms } = this.#ask(reference, auth);
    return { reference, digest, platforms };
  }

  async pull(
    reference: string,
    auth: RegistryAuth | undefined,
    onProgress: (progress: PullProgress) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.faults.pass('pull', reference, auth);
    signal?.throwIfAborted();
    const image = this.#ask(reference, auth);
    const total = image.layers.reduce((sum, size) => sum + size, 0);
    let done = 0;
    for (const [index, size] of image.layers.entries()) {
      done += size;
      onProgress({ done, total, layers: image.layers.length, layersDone: index + 1 });
    }
    const known = this.#images.get(image.id)?.facts;
    const tags = reference.includes('@') ? [] : [familiarName(reference)];
    const digests = [familiarName(`${image.repository}@${image.digest}`)];
    for (const [id, other] of this.#images)
      this.#images.set(id, {
        ...other,
        facts: { ...other.facts, tags: other.facts.tags.filter((tag) => !tags.includes(tag)) },
      });
    const facts: ImageFacts = {
      id: image.id,
      digests,
      tags: [...new Set([...(known?.tags ?? []), ...tags])],
      size: total,
    };
    this.#images.set(image.id, { facts, image });
  }

  async importImage(reference: string, archive: Buffer): Promise<void> {
    await this.faults.pass('importImage', reference, archive);
    const digest = digestOf(archive.toString('base64'));
    const image = {
      repository: repositoryOf(reference),
      digest,
      id: digest,
      platforms: [],
      layers: [],
      behaviour: {},
    };
    this.#images.set(digest, {
      facts: { id: digest, digests: [], tags: [reference], size: archive.length },
      image,
    });
  }

  async removeImage(idOrReference: string): Promise<void> {
    await this.faults.pass('removeImage', idOrReference);
    const found = this.#image(idOrReference);
    if (found === undefined) return;
    const user = this.all().find((container) => this.#image(container.image)?.facts.id === found.facts.id);
    if (user !== undefined)
      throw this.#refuse(
        'remove image',
        `conflict: unable to delete ${idOrReference} - container ${user.id} is using it`,
      );
    this.#images.delete(found.facts.id);
  }

  async create(options: ContainerOptions): Promise<string> {
    await this.faults.pass('create', options);
    const body = options.config as ContainerBody;
    const existing = this.#find(options.name);
    const labels = body.Labels ?? {};
    if (existing !== undefined) {
      const identity = ['oneclick.step', 'oneclick.project', 'oneclick.environment'];
      const isSame = identity.every((key) => existing.facts.labels[key] === labels[key]);
      if (labels['oneclick.step'] !== undefined && isSame) return existing.facts.id;
      throw this.#refuse(
        'create container',
        `Conflict. The container name "/${options.name}" is already in use by container "${existing.facts.id}".`,
      );
    }
    const image = this.#image(body.Image ?? '');
    if (image === undefined) throw this.#refuse('create container', `No such image: ${body.Image}`);
    const bindings = Object.values(body.HostConfig?.PortBindings ?? {}).flat();
    const endpoints = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
    const mode = body.HostConfig?.NetworkMode ?? 'bridge';
    const sources = (body.HostConfig?.Binds ?? []).map((bind) => bind.split(':')[0] ?? '');
    const volumes = sources.filter((source) => !source.startsWith('/'));
    for (const name of volumes) this.#volume(name, {});
    const aliases = new Map(endpoints.map(([network, { Aliases }]) => [network, Aliases ?? []]));
    return this.#add(
      withAliases(
        {
          name: options.name,
          labels,
          image: body.Image ?? '',
          restart: body.HostConfig?.RestartPolicy?.Name || 'no',
          ports: bindings.map((binding) => Number(binding.HostPort)),
          networks: endpoints.length > 0 ? endpoints.map(([network]) => network) : [mode],
          env: body.Env ?? [],
          state: 'created',
          ...(volumes.length === 0 ? {} : { volumes }),
        },
        aliases,
      ),
      image.image.behaviour,
      body.Entrypoint ?? [],
      aliases,
    );
  }

  async start(idOrName: string): Promise<void> {
    await this.faults.pass('start', idOrName);
    const container = this.#require(idOrName, 'start container');
    if (container.facts.state === 'running') return;
    for (const name of container.facts.networks.filter((network) => !isDefault(network))) {
      const now = this.#networks.get(name);
      if (now === undefined || (container.joined.get(name) ?? now) !== now)
        throw this.#refuse('start container', `network ${name} not found`);
      container.joined.set(name, now);
    }
    const running = this.all().filter((other) => other.state === 'running');
    for (const port of container.facts.ports) {
      if (running.some((other) => other.ports.includes(port)))
        throw this.#refuse('start container', `Bind for 0.0.0.0:${port} failed: port is already allocated`);
      if (this.occupied.has(port))
        throw this.#refuse('start container', `listen tcp4 0.0.0.0:${port}: bind: address already in use`);
    }
    const { restarts: _, ...facts } = container.facts;
    container.facts = facts;
    this.#run(container);
  }

  async stop(idOrName: string, timeout: number): Promise<void> {
    await this.faults.pass('stop', idOrName, timeout);
    const container = this.#find(idOrName);
    if (container === undefined) return;
    container.stopped = true;
    if (container.facts.state !== 'running' && container.facts.state !== 'restarting') return;
    const { stops } = { stops: 0, ...container.behaviour };
    if (stops === undefined) await this.#clock.sleep(timeout);
    this.#exit(container, stops ?? 137);
  }

  async remove(idOrName: string): Promise<void> {
    await this.faults.pass('remove', idOrName);
    const container = this.#find(idOrName);
    if (container === undefined) return;
    if (container.facts.state === 'running') this.#exit(container, 137);
    this.#containers.delete(container.facts.id);
  }

  async setRestart(idOrName: string, policy: string): Promise<void> {
    await this.faults.pass('setRestart', idOrName, policy);
    const container = this.#require(idOrName, 'setting the restart policy');
    container.facts = { ...container.facts, restart: policy };
  }

  async logs(idOrName: string, lines: number): Promise<readonly string[]> {
    await this.faults.pass('logs', idOrName, lines);
    const { behaviour, starts } = this.#require(idOrName, 'read the logs');
    return starts === 0 ? [] : (behaviour.logs ?? []).slice(-lines);
  }

  async readLogs(
    idOrName: string,
    options: LogOptions,
    take: (lines: readonly LogLine[]) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.faults.pass('readLogs', idOrName, options);
    signal?.throwIfAborted();
    const container = this.#require(idOrName, 'read the logs');
    await container.log.read(options, take, () => container.facts.state === 'running', signal);
  }

  async exec(idOrName: string, argv: readonly string[], dialogue: StdioOptions): Promise<Process> {
    await this.faults.pass('exec', idOrName, argv, dialogue);
    const container = this.#require(idOrName, `running ${argv[0]}`);
    if (container.facts.state !== 'running')
      throw this.#refuse(`running ${argv[0]}`, `container ${container.facts.id} is not running`);
    return this.#process(container, argv, dialogue, () => undefined);
  }

  async attach(idOrName: string, dialogue: StdioOptions): Promise<Process> {
    await this.faults.pass('attach', idOrName, dialogue);
    const container = this.#require(idOrName, 'attaching');
    this.#run(container);
    return this.#process(container, container.command, dialogue, (code) => this.#exit(container, code));
  }

  async pathFacts(idOrName: string, path: string): Promise<PathFacts | undefined> {
    await this.faults.pass('pathFacts', idOrName, path);
    return this.#require(idOrName, 'looking').files.facts(path);
  }

  async readFiles(
    idOrName: string,
    path: string,
    take: (archive: AsyncIterable<Buffer>) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.faults.pass('readFiles', idOrName, path);
    signal?.throwIfAborted();
    const archive = this.#require(idOrName, 'copying').files.pack(path);
    if (archive === undefined) throw this.#refuse('copying', `Could not find the file ${path} in container`);
    await take(Readable.from([archive]));
  }

  async writeFiles(
    idOrName: string,
    folder: string,
    archive: AsyncIterable<Buffer>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.faults.pass('writeFiles', idOrName, folder);
    signal?.throwIfAborted();
    const { files } = this.#require(idOrName, 'copying');
    if (files.facts(folder)?.isFolder !== true)
      throw this.#refuse('copying', `Could not find the file ${folder} in container`);
    await files.unpack(folder, archive);
  }

  async wait(idOrName: string, signal?: AbortSignal): Promise<number> {
    await this.faults.pass('wait', idOrName);
    signal?.throwIfAborted();
    const container = this.#require(idOrName, 'waiting for the container');
    if (container.facts.state !== 'running') return container.facts.exit ?? 0;
    return new Promise((resolve, reject) => {
      container.waiting.add(resolve);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  async rename(idOrName: string, name: string): Promise<void> {
    await this.faults.pass('rename', idOrName, name);
    const container = this.#require(idOrName, 'rename container');
    const existing = this.#find(name);
    if (existing !== undefined && existing !== container)
      throw this.#refuse(
        'rename container',
        `Conflict. The container name "/${name}" is already in use by container "${existing.facts.id}".`,
      );
    container.facts = { ...container.facts, name };
  }

  async networks(): Promise<readonly NetworkFacts[]> {
    await this.faults.pass('networks');
    const defaults = ['bridge', 'host', 'none'].map((name) => ({ name, labels: {} }));
    return [...defaults, ...[...this.#networks].map(([name, labels]) => ({ name, labels }))];
  }

  /** Removes a network, as a user would. */
  dropNetwork(name: string): void {
    this.#networks.delete(name);
  }

  async ensureNetwork(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    await this.faults.pass('ensureNetwork', name, labels);
    if (!this.#networks.has(name)) this.#networks.set(name, labels);
  }

  async ensureNamesNetwork(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    await this.faults.pass('ensureNamesNetwork', name, labels);
    if (!this.#networks.has(name)) this.#networks.set(name, labels);
  }

  async fixedSubnet(network: string): Promise<string | undefined> {
    await this.faults.pass('fixedSubnet', network);
    const order = [...this.#networks.keys()].indexOf(network);
    return order === -1 ? undefined : `172.${18 + order}.0.0/16`;
  }

  async connect(
    network: string,
    idOrName: string,
    aliases: readonly string[],
    address?: string,
  ): Promise<void> {
    await this.faults.pass('connect', network, idOrName, aliases, address);
    if (!this.#networks.has(network)) throw this.#refuse('connecting', `network ${network} not found`);
    const container = this.#require(idOrName, 'connecting');
    container.aliases.set(network, aliases);
    container.joined.delete(network);
    const { addresses = {}, ...facts } = container.facts;
    const own = addresses[network] ?? address;
    const all = own === undefined ? addresses : { ...addresses, [network]: own };
    container.facts = withAliases(
      {
        ...{ ...facts, networks: [...new Set([...facts.networks, network])] },
        ...(Object.keys(all).length === 0 ? {} : { addresses: all }),
      },
      container.aliases,
    );
  }

  async disconnect(network: string, idOrName: string): Promise<void> {
    await this.faults.pass('disconnect', network, idOrName);
    const container = this.#find(idOrName);
    if (container === undefined) return;
    container.aliases.delete(network);
    const networks = container.facts.networks.filter((name) => name !== network);
    container.facts = withAliases({ ...container.facts, networks }, container.aliases);
  }

  async volumes(label?: string): Promise<readonly VolumeFacts[]> {
    await this.faults.pass('volumes', label);
    const all = [...this.#volumes.values()];
    if (label === undefined) return all;
    const [key = '', value] = label.split('=');
    return all.filter(({ labels }) => key in labels && (value === undefined || labels[key] === value));
  }

  async ensureVolume(name: string, labels: Readonly<Record<string, string>>): Promise<VolumeFacts> {
    await this.faults.pass('ensureVolume', name, labels);
    return this.#volume(name, labels);
  }

  #volume(name: string, labels: Readonly<Record<string, string>>): VolumeFacts {
    const volume = this.#volumes.get(name) ?? { name, labels };
    this.#volumes.set(name, volume);
    return volume;
  }

  async removeVolume(name: string): Promise<void> {
    await this.faults.pass('removeVolume', name);
    const user = this.all().find(({ volumes }) => volumes?.includes(name) === true);
    if (user !== undefined)
      throw this.#refuse('remove volume', `remove ${name}: volume is in use - [${user.id}]`);
    this.#volumes.delete(name);
  }

  // For tests, without calls to the engine.

  /** All containers. */
  all(): readonly InspectedContainer[] {
    return [...this.#containers.values()].map(({ facts }) => facts);
  }

  /** The running container that publishes the port. */
  listener(port: number): { readonly facts: InspectedContainer; readonly behaviour: Behaviour } | undefined {
    return [...this.#containers.values()].find(
      ({ facts }) => facts.state === 'running' && facts.ports.includes(port),
    );
  }

  /** The running container with this address. */
  withAddress(address: string | undefined): { readonly behaviour: Behaviour } | undefined {
    return [...this.#containers.values()].find(
      ({ facts }) => facts.state === 'running' && address !== undefined && facts.address === address,
    );
  }

  /** The text of `/proc/PID/net/tcp`; empty without a container that has sockets. */
  sockets(pid: number): string {
    const found = [...this.#containers.values()].find((container) => container.pid === pid);
    const lines = found?.behaviour.sockets?.map((local, index) => `   ${index}: ${local} 00000000:0000 0A 0`);
    return lines === undefined ? '' : ['  sl  local_address rem_address   st tx_queue', ...lines].join('\n');
  }

  /** The aliases of the container in the network. */
  aliases(network: string, idOrName: string): readonly string[] {
    return this.#find(idOrName)?.aliases.get(network) ?? [];
  }

  /** Replaces the labels of a container, as another version would have set them. */
  relabel(idOrName: string, labels: Readonly<Record<string, string>>): void {
    const container = this.#require(idOrName, 'relabel');
    container.facts = { ...container.facts, labels };
  }

  /** Adds a container that oneclick did not create; it runs unless `facts` differ. */
  addForeign(facts: Partial<InspectedContainer> & { name: string }, behaviour: Behaviour = {}): string {
    const id = this.#add(
      {
        labels: {},
        image: 'somebody/else:1',
        restart: 'no',
        ports: [],
        networks: ['bridge'],
        env: [],
        ...facts,
        state: 'created',
      },
      behaviour,
      [],
      new Map(),
    );
    const container = this.#require(id, 'placing');
    if ((facts.state ?? 'running') === 'running') this.#run(container);
    else container.facts = { ...container.facts, ...facts };
    return id;
  }

  /** The files of a container. */
  files(idOrName: string): FakeFiles {
    return this.#require(idOrName, 'looking').files;
  }

  /** Writes a log line; by default now, a nanosecond after the previous one. */
  writeLog(idOrName: string, text: string, parts: Partial<LogLine> = {}): void {
    this.#logLines += 1;
    const time = this.#clock
      .now()
      .toISOString()
      .replace('Z', `${String(this.#logLines % 1e6).padStart(6, '0')}Z`);
    this.#require(idOrName, 'writing').log.write({ time, stream: 'stdout', text, ...parts });
  }

  /** Fails all log readers, as an engine does when it restarts. */
  breakLogs(failure: Error): void {
    for (const { log } of this.#containers.values()) log.break(failure);
  }

  /** Exits the process of a running container. */
  crash(idOrName: string, code: number): void {
    this.#end(this.#require(idOrName, 'crashing'), code);
  }

  /** Starts a crashed container again, as its restart policy would. */
  startAgain(idOrName: string): void {
    const container = this.#require(idOrName, 'starting again');
    const { exit } = container.facts;
    this.#run(container);
    if (exit !== undefined) container.facts = { ...container.facts, exit };
  }

  /** Restarts the engine. */
  restart(): void {
    const running = [...this.#containers.values()].filter(({ facts }) => facts.state === 'running');
    for (const container of running) this.#exit(container, 137);
    for (const container of this.#containers.values()) {
      const { restart, exit } = container.facts;
      const wanted =
        restart === 'always' ||
        (restart === 'unless-stopped' && !container.stopped && container.starts > 0) ||
        (restart === 'on-failure' && !container.stopped && exit !== undefined && exit !== 0);
      if (wanted) this.#run(container);
    }
  }

  /** Removes stopped containers and unused images, like `docker system prune --all`. */
  prune(): void {
    for (const { facts } of this.#containers.values())
      if (facts.state !== 'running') this.#containers.delete(facts.id);
    const used = new Set(this.all().map(({ image }) => this.#image(image)?.facts.id));
    for (const id of this.#images.keys()) if (!used.has(id)) this.#images.delete(id);
  }

  #process(
    container: FakeContainer,
    argv: readonly string[],
    dialogue: StdioOptions,
    onEnd: (code: number) => void,
  ): FakeProcess {
    const process = new FakeProcess(argv, dialogue, container.behaviour.runs ?? (() => ({ code: 0 })), onEnd);
    this.processes.push(process);
    return process;
  }

  #add(
    facts: Omit<InspectedContainer, 'id'>,
    behaviour: Behaviour,
    command: readonly string[],
    aliases: FakeContainer['aliases'],
  ): string {
    this.#created += 1;
    const id = digestOf(`${this.#host} container ${this.#created}`).slice('sha256:'.length);
    const container = {
      facts: { ...facts, id },
      behaviour,
      command,
      pid: 1000 + this.#created,
      log: new FakeLog(),
      files: new FakeFiles(),
      stopped: false,
      waiting: new Set<never>(),
      starts: 0,
    };
    const { program } = behaviour;
    if (program !== undefined) container.files.put(program.path, { type: 'File', data: program.data });
    this.#containers.set(id, { ...container, aliases, joined: new Map() });
    return id;
  }

  #run(container: FakeContainer): void {
    const { exit: _, health: __, ...facts } = container.facts;
    const { health, exits, inside } = container.behaviour;
    container.facts = {
      ...facts,
      state: 'running',
      started: this.#clock.now().toISOString(),
      ...(health === undefined ? {} : { health }),
      ...(inside === undefined ? {} : { address: `172.17.0.${container.pid - 998}` }),
    };
    container.stopped = false;
    container.starts += 1;
    const start = container.starts;
    for (const text of container.behaviour.logs ?? []) this.writeLog(container.facts.id, text);
    if (exits === undefined) return;
    const end = () => {
      if (container.starts !== start || container.facts.state !== 'running') return;
      this.#end(container, exits.code);
      if (exits.outOfMemory) container.facts = { ...container.facts, outOfMemory: true };
    };
    if (exits.after === undefined) end();
    else void this.#clock.sleep(exits.after).then(end);
  }

  /** Applies the restart policy to a process that exited. */
  #end(container: FakeContainer, code: number): void {
    const { restart } = container.facts;
    this.#exit(container, code);
    if (restart === 'always' || restart === 'unless-stopped' || (restart === 'on-failure' && code !== 0))
      container.facts = {
        ...container.facts,
        state: 'restarting',
        restarts: (container.facts.restarts ?? 0) + 1,
      };
  }

  #exit(container: FakeContainer, code: number): void {
    const { health: _, ...facts } = container.facts;
    container.facts = { ...facts, state: 'exited', exit: code };
    for (const resolve of container.waiting) resolve(code);
    container.waiting.clear();
    container.log.ended();
  }

  #find(idOrName: string): FakeContainer | undefined {
    return (
      this.#containers.get(idOrName) ??
      [...this.#containers.values()].find(({ facts }) => facts.name === idOrName)
    );
  }

  #require(idOrName: string, doing: string): FakeContainer {
    const container = this.#find(idOrName);
    if (container === undefined) throw this.#refuse(doing, `No such container: ${idOrName}`);
    return container;
  }

  #image(idOrReference: string): { facts: ImageFacts; image: FakeImage } | undefined {
    const name = familiarName(idOrReference);
    return [...this.#images.values()].find(
      ({ facts }) => facts.id === name || facts.tags.includes(name) || facts.digests.includes(name),
    );
  }

  #ask(reference: string, auth: RegistryAuth | undefined): FakeImage {
    const image = this.registry.find(reference);
    if (image === undefined)
      throw this.#refuse(reference, `manifest for ${reference} not found: manifest unknown`, reference);
    if (image.auth !== undefined && image.auth.password !== auth?.password)
      throw this.#refuse(reference, 'unauthorized: authentication required', reference);
    return image;
  }

  #refuse(doing: string, words: string, image?: string) {
    return engineFailure(this.#host, doing, words, { image });
  }
}
