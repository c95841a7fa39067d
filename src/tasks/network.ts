import { z } from 'zod';
import type { EnvironmentId } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import { environmentLabels, label, prefix } from '../domain/labels.js';
import { holderName, isHolder, networkName, networkProblem, suffixed } from '../domain/names.js';
import { pauseArchive, pauseImage, pauseProgram } from '../domain/pause.js';
import { dockerOn } from '../domain/plain-command.js';
import { isUp } from '../domain/rollout.js';
import type { Subject } from '../domain/task.js';
import type { Engine } from '../host/host.js';
import { createCommand, networkCommand, pauseImageCommand } from './explain-docker.js';
import { ensureOwnNetwork } from './own-names.js';
import { hostFacts, hostName, task } from './task.js';

const Intent = z.strictObject({
  network: z.string(),
  holder: z.string(),
  platform: z.string(),
  /** The previous holder, if it has exited. */
  ended: z.string().optional(),
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
    if (held && host.networks.some(({ name }) => name === network))
      return { kind: 'done', because: 'already up', receipt: {} };
    return {
      kind: 'todo',
      changes: [{ host: host.host, text: `create network ${network}` }],
      intent: {
        ...{ network, holder: holderName(host, subject.run), platform },
        ...(holder === undefined || isUp(holder) ? {} : { ended: holder.name }),
      },
      expect: {},
      predict: (later) => later,
    };
  },
  explain({ network, holder, platform, ended }, subject) {
    const host = hostName(subject);
    const create = networkCommand(host, network, environmentLabels(subject.run));
    const image = pauseImageCommand(host, platform);
    if (image === undefined) return [create];
    const config = holderConfig(network, subject);
    return [
      create,
      image,
      ...(ended === undefined ? [] : [dockerOn(host, 'remove the exited container', 'rm', '--force', ended)]),
      createCommand(host, 'create an idle container that keeps the network up', holder, config),
      dockerOn(host, `start ${holder}`, 'start', holder),
    ];
  },
  async apply({ ports, subject }, { network, holder, platform }) {
    const { engine } = ports.host(hostName(subject));
    await ensureOwnNetwork(engine, network, subject.run);
    const archive = pauseArchive(platform);
    if (archive === undefined) return {};
    await engine.importImage(pauseImage, archive);
    const found = await engine.container(holder);
    if (found !== undefined && isHolder(found, subject.run) && !isUp(found)) await engine.remove(found.id);
    await engine.create({ name: holder, config: holderConfig(network, subject) });
    await engine.start(holder);
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
    await engine.ensureNetwork(network, environmentLabels(id));
    for (const name of new Set([...joined, network])) await engine.disconnect(name, container);
    await engine.connect(network, container, alias === undefined ? [] : [alias]);
    await engine.start(container);
  }
}
