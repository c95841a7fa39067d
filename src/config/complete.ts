import { given } from '../domain/given.js';
import { namesRegistry, parseImage } from '../domain/image.js';
import { defaultSwaps, needsRouter, routerOf, type Swap } from '../domain/routing.js';
import type { ImageSource, Port, Service } from '../domain/service.js';
import type { Path } from '../domain/source.js';
import { absolutePath } from './files.js';
import type { Layers } from './layers.js';
import { parsePort } from './parsers.js';
import type { WrittenService } from './service.js';

/** A service without what the environment's hosts decide. */
export type CompleteService = Omit<Service, 'instances' | 'needs'>;

/** Times in ms. */
const defaults = {
  health: { interval: 500, timeout: 5000, deadline: 60_000, settle: 3000 },
  stop: { timeout: 10_000 },
  releaseCommand: { timeout: 600_000, onLaterFailure: 'revert' },
  restart: 'unless-stopped',
  range: { from: 20_000, to: 20_999 },
  keep: 5,
} as const;

/** The service with every default filled in; what is wrong is reported to the layers. */
export function completeService(
  layers: Layers,
  name: string,
  registry: string | undefined,
  home: string,
): CompleteService {
  const written = layers.service(name);
  const at = (...keys: Path) => ['services', name, ...keys];
  checkSwap(layers, written, at);
  const swap = written.swap ?? defaultSwap(written);
  const { port, health, stop } = written;
  if (health?.path && !port)
    layers.report(at('health', 'path'), 'a path needs a port: write port, or leave the path out');
  return {
    name,
    image: imageSource(layers, written, { name, registry, home }),
    health: { ...defaults.health, ...given(health ?? {}) },
    env: environmentVariables(layers, name, written),
    secrets: [...new Set(written.secrets ?? [])],
    volumes: written.volumes ?? [],
    restart: restartPolicy(layers, written, at('restart')),
    stop: { ...defaults.stop, ...given(stop ?? {}) },
    swap,
    singleton: written.singleton ?? false,
    keep: written.keep ?? defaults.keep,
    docker: written.docker ?? {},
    ...given({
      port: port ? publishedPort(port, swap, written) : undefined,
      targetGroup: targetGroup(layers, written, at('target_group')),
      command: written.command,
      memory: written.memory,
      cpus: written.cpus,
      user: written.user,
      releaseCommand: releaseCommand(layers, written, at('release_command')),
    }),
  };
}

const writtenRouter = ({ target_group: group }: WrittenService) =>
  routerOf({ targetGroup: group || undefined });

function defaultSwap(written: WrittenService): Swap {
  const { usual, alone } = defaultSwaps[writtenRouter(written)];
  return onlyOne(written) === undefined ? usual : alone;
}

/** Two containers that run at once need a port each. */
function publishedPort(port: string, swap: Swap, { port_range: range }: WrittenService): Port {
  return { ...parsePort(port), ...(swap === 'beside' ? { range: range ?? defaults.range } : {}) };
}

/** Why two of it cannot run at once. */
function onlyOne({ singleton, volumes }: WrittenService): string | undefined {
  if (singleton) return 'a singleton never runs twice';
  return volumes?.length ? 'two containers must not share its volumes' : undefined;
}

function checkSwap(layers: Layers, written: WrittenService, at: (...keys: Path) => Path): void {
  const { swap } = written;
  const why = swap === 'beside' ? onlyOne(written) : undefined;
  if (why !== undefined) layers.report(at('swap'), `cannot be beside: ${why}; write plain or drain`);
  else if (swap && needsRouter[swap] && writtenRouter(written) === 'none')
    layers.report(at('swap'), `cannot be ${swap} without a load balancer: write target_group`);
}

function targetGroup(layers: Layers, written: WrittenService, at: Path): string | undefined {
  if (!written.target_group) return undefined;
  if (!written.port) layers.report(at, 'a target group needs a port: write port', { end: 'key' });
  return layers.put(written.target_group, (message) => layers.report(at, message));
}

function restartPolicy(layers: Layers, { restart }: WrittenService, at: Path): Service['restart'] {
  if (restart !== 'always') return restart ?? defaults.restart;
  layers.warn(
    at,
    'always is taken as unless-stopped: with always, Docker starts the stopped containers that are kept to go back to along with its engine',
  );
  return 'unless-stopped';
}

function releaseCommand(layers: Layers, written: WrittenService, at: Path): Service['releaseCommand'] {
  const { release_command: release } = written;
  if (!release) return undefined;
  const { command, timeout, on_later_failure: underscored, 'on-later-failure': dashed } = release;
  if (dashed && underscored) layers.report(at, 'on_later_failure is here twice, once with dashes');
  if (!command) layers.report(at, 'release_command: command is missing');
  return {
    command: command ?? [],
    onLaterFailure: underscored ?? dashed ?? defaults.releaseCommand.onLaterFailure,
    timeout: timeout ?? defaults.releaseCommand.timeout,
  };
}

function environmentVariables(layers: Layers, name: string, written: WrittenService): Record<string, string> {
  const base = layers.project.written.services[name]?.env ?? {};
  const over = layers.environment.written.services?.[name]?.env ?? {};
  for (const [key, value] of Object.entries(base))
    if (value === null && !Object.hasOwn(over, key))
      layers.report(['services', name, 'env', key], `${key} has no value: write "" or \${${key}}`);
  for (const secret of written.secrets ?? [])
    if (Object.hasOwn(written.env ?? {}, secret))
      layers.report(['services', name, 'env', secret], `${secret} is also named under secrets`, {
        end: 'key',
      });
  return putAll(layers, written.env ?? {}, ['services', name, 'env']);
}

/** Values as they were written: `1.10` stays `1.10`. */
function putAll(layers: Layers, values: Readonly<Record<string, string | null>>, at: Path) {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const { source, path } = layers.place([...at, key]);
      const text = source.written(path) ?? value ?? '';
      return [key, layers.put(text, (message) => layers.report([...at, key], message)) ?? text];
    }),
  );
}

interface Naming {
  readonly name: string;
  readonly registry: string | undefined;
  readonly home: string;
}

function imageSource(layers: Layers, written: WrittenService, { name, registry, home }: Naming): ImageSource {
  const at = ['services', name];
  const { build } = written;
  const report = (message: string) => layers.report([...at, 'image'], message);
  const image = written.image ? layers.put(written.image, report) : undefined;
  if (!build) {
    if (!written.image) layers.report(at, `${name} has neither image nor build`, { end: 'key' });
    else if (image !== undefined) layers.attempt(() => parseImage(image), report);
    return { kind: 'fixed', reference: image ?? written.image ?? '' };
  }
  const { dockerfile, target } = build;
  const secrets = build.secrets ? [...new Set(build.secrets)] : undefined;
  const args = build.args ? putAll(layers, build.args, [...at, 'build', 'args']) : undefined;
  return {
    kind: 'build',
    repository: written.image
      ? namedRepository(layers, image, registry, report)
      : ownRepository(layers, name, registry),
    context: absolutePath(build.context ?? '.', layers.project.folder, home),
    ...given({
      dockerfile,
      target,
      args,
      secrets,
    }),
  };
}

/** Where builds go that are called by the names of project and service: below the registry. */
function ownRepository(layers: Layers, name: string, registry: string | undefined): string {
  if (!writtenRegistry(layers) && layers.variables !== undefined)
    layers.report(
      ['services', name, 'build'],
      `${name} is built, and ${layers.environment.name} has no registry to push it to: write registry, or image`,
      { end: 'key' },
    );
  const path = `${layers.project.written.project}-${name}`;
  return registry === undefined ? path : `${registry}/${path}`;
}

/** Where builds go that `image` names: that registry, else below the environment's. */
function namedRepository(
  layers: Layers,
  image: string | undefined,
  registry: string | undefined,
  report: (message: string) => void,
): string {
  if (image === undefined) return '';
  const below = writtenRegistry(layers) && !namesRegistry(image);
  const parsed = layers.attempt(() => parseImage(below && registry ? `${registry}/${image}` : image), report);
  if (parsed?.tag !== undefined || parsed?.digest !== undefined)
    report('a built image has no tag here: it follows the commit');
  return parsed?.repository ?? image;
}

const writtenRegistry = ({ environment, project }: Layers) =>
  environment.written.registry ?? project.written.registry;

/** The registry of the environment; undefined when it has none, or none that is known and right. */
export function registryOf(layers: Layers): string | undefined {
  const report = (message: string) => layers.report(['registry'], message);
  const written = writtenRegistry(layers);
  const registry = written ? layers.put(written, report)?.replace(/\/+$/, '') : undefined;
  if (registry === undefined) return undefined;
  const parsed = layers.attempt(
    () => parseImage(`${registry}/image`),
    () => report(`${registry} is not the beginning of an image name, such as ghcr.io/acme`),
  );
  return parsed && registry;
}
