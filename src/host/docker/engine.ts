import { z } from 'zod';
import type { Clock } from '../../domain/clock.js';
import type {
  ImageFacts,
  InspectedContainer,
  NetworkFacts,
  ResolvedImage,
  VolumeFacts,
} from '../../domain/facts.js';
import { label } from '../../domain/labels.js';
import type { CallLog } from '../call-log.js';
import type {
  ContainerOptions,
  Engine,
  Host,
  LogLine,
  LogOptions,
  PathFacts,
  Process,
  ProcessFacts,
  PullProgress,
  RegistryAuth,
  StdioOptions,
} from '../host.js';
import type { Connection } from '../ssh/connection.js';
import { ApiError, DockerApi } from './api.js';
import { createContainer, removeContainer, setRestart, withLastExit } from './container-calls.js';
import {
  Inspected,
  imageFacts,
  inspectedFacts,
  inspectedProcess,
  Listed,
  ListedImage,
  listedFacts,
} from './container-facts.js';
import { EngineCalls, responseTimeout } from './engine-calls.js';
import { pathFacts, readFiles, writeFiles } from './files.js';
import { ensureNamesNetwork, fixedSubnet, joinNetwork, leaveNetwork } from './network-membership.js';
import { startAttached, startExec } from './process.js';
import { pullImage } from './pull-image.js';
import { followImport } from './pull-progress.js';
import { readLogs } from './read-logs.js';

const Version = z.object({ Version: z.string(), Os: z.string(), Arch: z.string() });
const Labelled = z
  .object({ Name: z.string(), Labels: z.record(z.string(), z.string()).nullish() })
  .transform(({ Name, Labels }) => ({ name: Name, labels: Labels ?? {} }));
const Networks = z.array(Labelled);
const Distribution = z.object({
  Descriptor: z.object({ digest: z.string() }),
  Platforms: z
    .array(z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }))
    .nullish(),
});
const Waited = z.object({ StatusCode: z.number() });
const Volumes = z.object({ Volumes: z.array(Labelled).nullish() });

/** A Docker engine, through its API. */
export class DockerEngine implements Engine {
  readonly #host: Host;
  readonly #clock: Clock;
  readonly #api: DockerApi;
  readonly #calls: EngineCalls;
  /** IDs of our containers in the last list, to inspect them in parallel with the next. */
  #ours: readonly string[] = [];

  constructor(host: Host, connection: Connection, clock: Clock, log: CallLog) {
    this.#host = host;
    this.#clock = clock;
    this.#api = new DockerApi(host, connection);
    this.#calls = new EngineCalls(host, this.#api, clock, log);
  }

  get streams(): number {
    return this.#api.streams;
  }

  async version(): Promise<{ version: string; platform: string }> {
    const {
      Version: version,
      Os,
      Arch,
    } = await this.#calls.get('get the engine version', '/version', Version);
    return { version, platform: `${Os}/${Arch}` };
  }

  async warm(): Promise<void> {
    await this.#list().catch(() => undefined);
  }

  async containers(): Promise<readonly InspectedContainer[]> {
    const known = this.#ours;
    const [listed, inspected] = await Promise.all([
      this.#list(),
      Promise.all(known.map((id) => this.container(id))),
    ]);
    const early = new Map(known.map((id, index) => [id, inspected[index]]));
    const facts = await Promise.all(
      listed.map(async (item) => {
        if (!isOurs(item.Labels)) return listedFacts(item);
        return early.has(item.Id) ? early.get(item.Id) : this.container(item.Id);
      }),
    );
    // A container may be removed between list and inspection.
    return facts.filter((container) => container !== undefined);
  }

  async #list(): Promise<readonly z.infer<typeof Listed>[]> {
    const query = { all: 'true' };
    const listed = await this.#calls.get('list containers', '/containers/json', z.array(Listed), query);
    for (const { Id, Names } of listed) this.#calls.nameContainer(Id, Names[0] ?? Id);
    this.#ours = listed.flatMap(({ Id, Labels }) => (isOurs(Labels) ? [Id] : []));
    return listed;
  }

  async container(idOrName: string): Promise<InspectedContainer | undefined> {
    const found = await this.#inspect(idOrName);
    return found === undefined ? undefined : withLastExit(this.#calls, inspectedFacts(found));
  }

  async processOf(idOrName: string): Promise<ProcessFacts | undefined> {
    const found = await this.#inspect(idOrName);
    return found === undefined ? undefined : inspectedProcess(found);
  }

  async images(): Promise<readonly ImageFacts[]> {
    const images = await this.#calls.get('list images', '/images/json', z.array(ListedImage));
    return images.map(imageFacts);
  }

  async resolve(reference: string, auth: RegistryAuth | undefined): Promise<ResolvedImage> {
    const request = { method: 'GET', path: `/distribution/${reference}/json`, auth } as const;
    const { Descriptor, Platforms } = Distribution.parse(
      await this.#calls.send(`look up ${reference}`, request, { image: reference }),
    );
    const platforms = (Platforms ?? []).map(({ os, architecture, variant }) =>
      variant === undefined || variant === '' ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`,
    );
    return { reference, digest: Descriptor.digest, platforms };
  }

  async pull(
    image: string,
    auth: RegistryAuth | undefined,
    onProgress: (progress: PullProgress) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    await pullImage(this.#calls, this.#host.name, this.#clock, { image, auth, onProgress, signal });
  }

  async importImage(reference: string, archive: Buffer): Promise<void> {
    const [repo = '', tag = 'latest'] = reference.split(':');
    const query = { fromSrc: '-', repo, tag };
    const request = { method: 'POST', path: '/images/create', query, archive, stream: true } as const;
    await this.#calls.read(`import image ${reference}`, request, {}, followImport);
  }

  async removeImage(idOrReference: string): Promise<void> {
    await this.#calls.ensure(
      `remove image ${idOrReference}`,
      { method: 'DELETE', path: `/images/${idOrReference}` },
      [404],
    );
  }

  create(options: ContainerOptions): Promise<string> {
    return createContainer(this.#calls, options, (name) => this.container(name));
  }

  async start(idOrName: string): Promise<void> {
    const request = { method: 'POST', path: `/containers/${idOrName}/start` } as const;
    await this.#calls.ensure(`start container ${idOrName}`, request, [304]);
  }

  async stop(idOrName: string, timeout: number): Promise<void> {
    const action = `stop container ${idOrName}`;
    const query = { t: String(Math.ceil(timeout / 1000)) };
    const request = { method: 'POST', path: `/containers/${idOrName}/stop`, query } as const;
    await this.#calls.ensure(action, request, [304, 404], { deadline: timeout + responseTimeout });
  }

  remove(idOrName: string): Promise<void> {
    return removeContainer(this.#calls, idOrName);
  }

  setRestart(idOrName: string, policy: string): Promise<void> {
    return setRestart(this.#calls, this.#host.lost, this.#clock, idOrName, policy);
  }

  async logs(idOrName: string, lines: number): Promise<readonly string[]> {
    const last: string[] = [];
    const onLines = async (some: readonly LogLine[]) => {
      last.push(...some.map(({ text }) => text));
    };
    await readLogs(this.#calls, this.#host.name, idOrName, { follow: false, lines }, onLines, {});
    return last;
  }

  readLogs(
    idOrName: string,
    options: LogOptions,
    onLines: (lines: readonly LogLine[]) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const callOptions = { deadline: Number.POSITIVE_INFINITY, signals: [signal] };
    return readLogs(this.#calls, this.#host.name, idOrName, options, onLines, callOptions);
  }

  exec(idOrName: string, argv: readonly string[], stdio: StdioOptions): Promise<Process> {
    return startExec(this.#calls, this.#host, this.#clock, { container: idOrName, argv, stdio });
  }

  attach(idOrName: string, stdio: StdioOptions): Promise<Process> {
    return startAttached(this.#calls, this.#host, this, { container: idOrName, stdio });
  }

  pathFacts(idOrName: string, path: string): Promise<PathFacts | undefined> {
    return pathFacts(this.#calls, this.#host.name, idOrName, path);
  }

  readFiles(
    idOrName: string,
    path: string,
    consume: (archive: AsyncIterable<Buffer>) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    return readFiles(
      this.#calls,
      this.#host.name,
      this.#clock,
      { container: idOrName, path, signal },
      consume,
    );
  }

  writeFiles(
    idOrName: string,
    folder: string,
    archive: AsyncIterable<Buffer>,
    signal?: AbortSignal,
  ): Promise<void> {
    const request = { container: idOrName, path: folder, signal };
    return writeFiles(this.#calls, this.#host.name, this.#clock, request, archive);
  }

  async wait(idOrName: string, signal?: AbortSignal): Promise<number> {
    const request = { method: 'POST', path: `/containers/${idOrName}/wait` } as const;
    const callOptions = { deadline: Number.POSITIVE_INFINITY, signals: [signal] };
    return Waited.parse(await this.#calls.send(`wait for container ${idOrName}`, request, callOptions))
      .StatusCode;
  }

  async rename(idOrName: string, name: string): Promise<void> {
    const action = `rename container ${idOrName}`;
    const request = { method: 'POST', path: `/containers/${idOrName}/rename`, query: { name } } as const;
    try {
      await this.#calls.raw(action, request);
    } catch (error) {
      // Docker refuses to rename a container to its own name.
      const [renamed, named] = await Promise.all([this.container(idOrName), this.container(name)]);
      if (renamed === undefined || renamed.id !== named?.id) throw this.#calls.translate(action, error);
    }
  }

  networks(): Promise<readonly NetworkFacts[]> {
    return this.#calls.get('list networks', '/networks', Networks);
  }

  async ensureNetwork(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    const body = { Name: name, Driver: 'bridge', CheckDuplicate: true, Labels: labels };
    await this.#calls.ensure(
      `create network ${name}`,
      { method: 'POST', path: '/networks/create', body },
      [409],
    );
  }

  ensureNamesNetwork(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    return ensureNamesNetwork(this.#calls, name, labels);
  }

  fixedSubnet(network: string): Promise<string | undefined> {
    return fixedSubnet(this.#calls, network);
  }

  async connect(
    network: string,
    idOrName: string,
    aliases: readonly string[],
    address?: string,
  ): Promise<void> {
    const known = await this.#inspect(idOrName);
    await joinNetwork(this.#calls, network, idOrName, { aliases, address }, known);
  }

  disconnect(network: string, idOrName: string): Promise<void> {
    return leaveNetwork(this.#calls, network, idOrName);
  }

  async volumes(label?: string): Promise<readonly VolumeFacts[]> {
    const query = label === undefined ? {} : { filters: JSON.stringify({ label: [label] }) };
    return (await this.#calls.get('list volumes', '/volumes', Volumes, query)).Volumes ?? [];
  }

  async ensureVolume(name: string, labels: Readonly<Record<string, string>>): Promise<VolumeFacts> {
    const request = {
      method: 'POST',
      path: '/volumes/create',
      body: { Name: name, Labels: labels },
    } as const;
    return Labelled.parse(await this.#calls.send(`create volume ${name}`, request));
  }

  async removeVolume(name: string): Promise<void> {
    await this.#calls.ensure(`remove volume ${name}`, { method: 'DELETE', path: `/volumes/${name}` }, [404]);
  }

  async #inspect(idOrName: string): Promise<z.infer<typeof Inspected> | undefined> {
    const action = `inspect container ${idOrName}`;
    try {
      return Inspected.parse(
        await this.#calls.raw(action, { method: 'GET', path: `/containers/${idOrName}/json` }),
      );
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw this.#calls.translate(action, error);
    }
  }
}

const isOurs = (labels: Readonly<Record<string, string>>) => label.project in labels;
