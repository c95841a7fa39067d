import { isOurs } from '../domain/container.js';
import { optionPairs } from '../domain/create-command.js';
import type { EnvironmentId } from '../domain/environment.js';
import { Failure } from '../domain/failure.js';
import { environmentLabels, label } from '../domain/labels.js';
import {
  type Names,
  namedVolumes,
  networkName,
  networkProblem,
  suffixed,
  volumeLabels,
  volumeName,
} from '../domain/names.js';
import { dockerOn, type PlainCommand } from '../domain/plain-command.js';
import type { ContainerSpec } from '../domain/release.js';
import type { Engine } from '../host/host.js';

/** Creates the network unless it exists. Throws a Failure if it belongs to another environment, which may have created it just now. */
export async function ensureOwnNetwork(engine: Engine, network: string, id: EnvironmentId): Promise<void> {
  await engine.ensureNetwork(network, environmentLabels(id));
  const [networks, containers] = await Promise.all([engine.networks(), engine.containers()]);
  const problem = networkProblem({ networks, containers }, id);
  if (problem !== undefined) throw problem;
  if (networkName({ networks, containers }, id) === network) return;
  throw takenMeanwhile('network', network);
}

/** Creates a volume that keeps labels, under a name with a suffix if another environment has this one. Throws a Failure if it has both. */
export async function ensureOwnVolume(
  engine: Engine,
  { name, labels }: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
  id: EnvironmentId,
): Promise<void> {
  for (const candidate of [name, suffixed(name, id)]) {
    if (isOurs(await engine.ensureVolume(candidate, labels), id)) return;
  }
  const message = `volume ${name} belongs to another environment`;
  throw new Failure('failed', 'volume.taken', message, { hint: `look at it: docker volume inspect ${name}` });
}

/** Creates the data volumes of a container unless they exist. Throws a Failure if another environment has just created one. */
export async function ensureDataVolumes(
  engine: Engine,
  spec: ContainerSpec,
  id: EnvironmentId,
  names: Names,
): Promise<void> {
  if (hasOwnDriver(spec)) return;
  for (const name of namedVolumes(spec)) {
    const volume = volumeName(id, name, names);
    const found = await engine.ensureVolume(volume, volumeLabels(id, name));
    // Volumes of the version before have no labels.
    if (label.project in found.labels && !isOurs(found, id)) throw takenMeanwhile('volume', volume);
  }
}

/** Returns the commands that create the data volumes of a container unless they exist. */
export function volumeCommands(
  host: string,
  spec: ContainerSpec,
  id: EnvironmentId,
  names: Names,
): readonly PlainCommand[] {
  if (hasOwnDriver(spec)) return [];
  return namedVolumes(spec).map((name) => {
    const labels = optionPairs('--label', volumeLabels(id, name));
    const volume = volumeName(id, name, names);
    return dockerOn(host, `create volume ${volume} unless it exists`, 'volume', 'create', ...labels, volume);
  });
}

/** The engine creates such volumes with the container, because only it knows the driver. */
function hasOwnDriver({ docker: { HostConfig: hostConfig } }: ContainerSpec): boolean {
  return typeof hostConfig === 'object' && hostConfig !== null && 'VolumeDriver' in hostConfig;
}

function takenMeanwhile(kind: string, name: string): Failure {
  const message = `another environment created ${kind} ${name} at the same time`;
  return new Failure('failed', `${kind}.taken`, message, { hint: 'run the command again' });
}
