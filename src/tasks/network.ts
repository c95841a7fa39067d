import { z } from 'zod';
import { isOurs } from '../domain/container.js';
import type { EnvironmentId } from '../domain/environment.js';
import type { ContainerFacts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { environmentLabels, label, prefix } from '../domain/labels.js';
import { holderName, isHolder, networkName, networkProblem, suffixed } from '../domain/names.js';
import { pauseArchive, pauseImage, pauseProgram } from '../domain/pause.js';
import { dockerOn } from '../domain/plain-command.js';
import { isUp } from '../domain/rollout.js';
import { namesLabels, namesNetworkFor, namesNetworks } from '../domain/service-names.js';
import type { Subject } from '../domain/task.js';
import type { Engine } from '../host/host.js';
import { createCommand, namesNetworkCommand, networkCommand, pauseImageCommand } from './explain-docker.js';
import { ensureOwnNetwork } from './own-names.js';
import { joinNames, joinNamesCommand } from './service-names.js';
import { hostFacts, hostName, task } from './task.js';

const Intent = z.strictObject({
  network: z.string(),
  holder: z.string(),
  platform: z.string(),
  /** The previous holder, if it has exited. */
  ended: z.string().optional(),
  /** The network of the service names, if a service needs one. */
  names: z.string().optional(),
  /** Running containers that join it now. */
  joining: z.array(z.string()).optional(),
});

/**
 * Keeps the network of the environment up. Linux needs up to a second to forward on a bridge that was empty; without a
 * holder, every plain swap would wait for that.
 */
export const networkHold = task({
  name: 'network.hold',
  version: 1,
  scope: 'host',
  needs: ['hosts'],
  summary: 'Creates the network of the services and keeps it up with an idle container.',
  input: z.strictObject({}),
  intent: Intent,
  receipt: z.strictObject({}),
  title: () => 'keep the network up',
  check(facts, _, subject) {
    const host = hostFacts(facts, hostName(subject));
    const problem = networkProblem(host, subject.run);
    if (problem !== undefined) return { kind: 'blocked', problems: [problem] };
    const network = networkName(host, subject.run);
    const holder = host.containers.find((container) => isHolder(container, subject.run));
    const { platform } = host.engine;
    const held = (holder !== undefined && isUp(holder)) || pauseArchive(platform) === undefined;
    const names = namesNetworkFor(host, subject.run, subject.services);
    const missing = [network, ...(names === undefined ? [] : [names])].filter(
      (name) => !host.networks.some((known) => known.name === name),
    );
    const outside = names === undefined ? [] : outsiders(host.containers, subject.run, names);
    if (held && missing.length === 0 && outside.length === 0)
      return { kind: 'done', because: 'already up', receipt: {} };
    const created = missing.length === 0 && outside.length === 0 ? [network] : missing;
    return {
      kind: 'todo',
      changes: [
        ...created.map((name) => ({ host: host.host, text: `create network ${name}` })),
        ...outside.map(({ name }) => ({ host: host.host, text: `connect ${name} to ${names}` })),
      ],
      intent: {
        ...{ network, holder: holderName(host, subject.run), platform },
        ...(holder === undefined || isUp(holder) ? {} : { ended: holder.name }),
        ...given({ names }),
        ...(outside.length === 0 ? {} : { joining: outside.map(({ name }) => name) }),
      },
      expect: {},
      predict: (later) => later,
    };
  },
  explain({ network, holder, platform, ended, names, joining = [] }, subject) {
    const host = hostName(subject);
    const create = [
      networkCommand(host, network, environmentLabels(subject.run)),
      ...(names === undefined ? [] : [namesNetworkCommand(host, names, namesLabels(subject.run))]),
    ];
    const image = pauseImageCommand(host, platform);
    const join = (name: string) =>
      names === undefined ? [] : [joinNamesCommand(host, name, { network: names, fixed: false })];
    const others = joining.filter((name) => name !== holder).flatMap(join);
    if (image === undefined) return [...create, ...others];
    const config = holderConfig(network, subject);
    return [
      ...create,
      image,
      ...(ended === undefined ? [] : [dockerOn(host, 'remove the exited container', 'rm', '--force', ended)]),
      createCommand(host, 'create an idle container that keeps the network up', holder, config),
      dockerOn(host, `start ${holder}`, 'start', holder),
      ...join(holder),
      ...others,
    ];
  },
  async apply({ ports, subject }, intent) {
    const { engine } = ports.host(hostName(subject));
    await holdNetwork(engine, intent, subject);
    const { names } = intent;
    if (names === undefined) return {};
    await engine.ensureNamesNetwork(names, namesLabels(subject.run));
    const outside = outsiders(await engine.containers(), subject.run, names);
    await Promise.all(outside.map(({ name }) => engine.connect(names, name, [])));
    return {};
  },
  // The network stays: other containers may have joined it.
  async undo({ ports, subject }, { holder }) {
    const { engine } = ports.host(hostName(subject));
    const found = await engine.container(holder);
    if (found !== undefined && isHolder(found, subject.run) && found.labels[label.run] === subject.run.id)
      await engine.remove(found.id);
  },
});

/** Our running containers that cannot reach services by name yet: those that an earlier version created, and a new holder. */
function outsiders<C extends ContainerFacts>(
  containers: readonly C[],
  id: EnvironmentId,
  names: string,
): readonly C[] {
  return containers.filter(
    (container) =>
      isOurs(container, id) &&
      container.state === 'running' &&
      ['service', 'network'].includes(container.labels[label.role] ?? '') &&
      !container.networks.includes(names),
  );
}

async function holdNetwork(
  engine: Engine,
  { network, holder, platform }: z.infer<typeof Intent>,
  subject: Subject,
): Promise<void> {
  await ensureOwnNetwork(engine, network, subject.run);
  const archive = pauseArchive(platform);
  if (archive === undefined) return;
  await engine.importImage(pauseImage, archive);
  const found = await engine.container(holder);
  if (found !== undefined && isHolder(found, subject.run) && !isUp(found)) await engine.remove(found.id);
  await engine.create({ name: holder, config: holderConfig(network, subject) });
  await engine.start(holder);
}

function holderConfig(network: string, { run }: Subject): Record<string, unknown> {
  return {
    Image: pauseImage,
    Entrypoint: [pauseProgram],
    User: '65534:65534',
    StopSignal: 'SIGKILL',
    Labels: {
      ...environmentLabels(run),
      [label.role]: 'network',
      [label.run]: run.id,
      // The same for every run, so that an existing holder is reused.
      [label.step]: 'network.hold',
    },
    HostConfig: {
      NetworkMode: network,
      RestartPolicy: { Name: 'unless-stopped' },
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      LogConfig: { Type: 'none' },
    },
  };
}

/** Starts a container. If its network was removed, creates it and joins it again, because an engine stores its ID. */
export async function startOnNetwork(
  engine: Engine,
  container: string,
  id: EnvironmentId,
  alias?: string,
): Promise<void> {
  try {
    await engine.start(container);
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'network.not-found')) throw error;
    const [networks, found] = await Promise.all([engine.networks(), engine.container(container)]);
    // Containers do not count: their network may be gone, and another environment may have taken its name.
    const network = networkName({ networks, containers: [] }, id);
    const usual = prefix(id);
    const joined = [usual, suffixed(usual, id)].filter((name) => found?.networks.includes(name));
    const names = namesNetworks(id).find((name) => found?.networks.includes(name));
    const fixed = names !== undefined && found?.addresses?.[names] !== undefined;
    await engine.ensureNetwork(network, environmentLabels(id));
    for (const name of new Set([...joined, network])) await engine.disconnect(name, container);
    await engine.connect(network, container, alias === undefined || fixed ? [] : [alias]);
    if (names !== undefined) {
      await engine.disconnect(names, container);
      await joinNames(engine, container, { network: names, fixed }, id, found?.aliases?.[names]);
    }
    await engine.start(container);
  }
}
