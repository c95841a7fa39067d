import { given } from '../domain/given.js';
import { namesRegistry, parseImage } from '../domain/image.js';
import { defaultSwaps, needsRouter, routerOf, type Swap } from '../domain/routing.js';
import type { ImageSource, Port, Service } from '../domain/service.js';
import type { Path } from '../domain/source.js';
import { absolutePath } from './files.js';
import type { Layers } from './layers.js';
import { parsePort } from './parsers.js';
import type { ServiceConfig } from './service-schema.js';

/** A service before its instances and needs are resolved. */
export type ResolvedService = Omit<Service, 'instances' | 'needs'>;

/** Defaults of optional keys; times in ms. */
const defaults = {
  health: { interval: 500, timeout: 5000, deadline: 60_000, settle: 3000 },
  stop: { timeout: 10_000 },
  releaseCommand: { timeout: 600_000, onLaterFailure: 'revert' },
  restart: 'unless-stopped',
  range: { from: 20_000, to: 20_999 },
  keep: 5,
} as const;

/** Returns a service with every default applied. Reports problems to `layers`. */
export function resolveService(
  layers: Layers,
  name: string,
  registry: string | undefined,
  home: string,
): ResolvedService {
  const config = layers.service(name);
  const at = (...keys: Path) => ['services', name, ...keys];
  checkSwap(layers, config, at);
  const swap = config.swap ?? defaultSwap(config);
  const { port, health, stop } = config;
  checkHealth(layers, config, at);
  return {
    name,
    image: imageSource(layers, config, { name, registry, home }),
    health: { ...defaults.health, ...given(health ?? {}) },
    env: environmentVariables(layers, name, config),
    secrets: [...new Set(config.secrets ?? [])],
    volumes: config.volumes ?? [],
    restart: restartPolicy(layers, config, at('restart')),
    stop: { ...defaults.stop, ...given(stop ?? {}) },
    swap,
    singleton: config.singleton ?? false,
    keep: config.keep ?? defaults.keep,
    docker: config.docker ?? {},
    ...given({
      port: port ? publishedPort(port, swap, config) : undefined,
      targetGroup: targetGroup(layers, config, at('target_group')),
      confirm: confirmRequest(layers, config, at('confirm', 'host')),
      command: config.command,
      memory: config.memory,
      cpus: config.cpus,
      user: config.user,
      releaseCommand: releaseCommand(layers, config, at('release_command')),
    }),
  };
}

const configuredRouter = ({ target_group: group }: ServiceConfig) =>
  routerOf({ targetGroup: group || undefined });

function defaultSwap(config: ServiceConfig): Swap {
  const { usual, alone } = defaultSwaps[configuredRouter(config)];
  return exclusiveReason(config) === undefined ? usual : alone;
}

/** Adds the port range: containers that run side by side need a port each. */
function publishedPort(port: string, swap: Swap, { port_range: range }: ServiceConfig): Port {
  return { ...parsePort(port), ...(swap === 'beside' ? { range: range ?? defaults.range } : {}) };
}

/** Returns why only one container may run at a time, or undefined. */
function exclusiveReason({ singleton, volumes }: ServiceConfig): string | undefined {
  if (singleton) return 'a singleton runs one container at a time';
  return volumes?.length ? 'two containers cannot share a volume' : undefined;
}

function checkSwap(layers: Layers, config: ServiceConfig, at: (...keys: Path) => Path): void {
  const { swap } = config;
  const why = swap === 'beside' ? exclusiveReason(config) : undefined;
  if (why !== undefined) layers.report(at('swap'), `cannot be beside: ${why}; use plain or drain`);
  else if (swap && needsRouter[swap] && configuredRouter(config) === 'none')
    layers.report(at('swap'), `${swap} requires a load balancer: add target_group`);
}

/** Keys that describe the request for `path`. */
const requestKeys = ['host', 'headers', 'scheme', 'status'] as const;

function checkHealth(layers: Layers, { health, port }: ServiceConfig, at: (...keys: Path) => Path): void {
  if (!health) return;
  const report = (key: string, message: string) => layers.report(at('health', key), message, { end: 'key' });
  if (health.command) {
    for (const key of ['path', 'port', ...requestKeys] as const)
      if (health[key]) report(key, `${key} cannot be combined with command: remove one of them`);
    return;
  }
  if (health.path && !port && !health.port)
    layers.report(at('health', 'path'), 'path requires a port: add port, or remove path');
  for (const key of requestKeys)
    if (health[key] && !health.path) report(key, `${key} requires a path: add path, or remove ${key}`);
}

function targetGroup(layers: Layers, config: ServiceConfig, at: Path): string | undefined {
  if (!config.target_group) return undefined;
  if (!config.port) layers.report(at, 'target_group requires a port: add port', { end: 'key' });
  return layers.interpolate(config.target_group, (message) => layers.report(at, message));
}

function confirmRequest(layers: Layers, { confirm }: ServiceConfig, at: Path): Service['confirm'] {
  if (!confirm) return undefined;
  if (confirm.off) return { off: true };
  const report = (message: string) => layers.report(at, message);
  const host = confirm.host ? layers.interpolate(confirm.host, report) : undefined;
  if (host !== undefined && !/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(host))
    report(`must be a host name, such as shop.example.com, not ${host}`);
  return given({ host, path: confirm.path, from: confirm.from });
}

function restartPolicy(layers: Layers, { restart }: ServiceConfig, at: Path): Service['restart'] {
  if (restart !== 'always') return restart ?? defaults.restart;
  layers.warn(
    at,
    'always is treated as unless-stopped: always would also start containers kept for rollback',
  );
  return 'unless-stopped';
}

function releaseCommand(layers: Layers, config: ServiceConfig, at: Path): Service['releaseCommand'] {
  const { release_command: release } = config;
  if (!release) return undefined;
  const { command, timeout, on_later_failure: underscored, 'on-later-failure': dashed } = release;
  if (dashed && underscored) layers.report(at, 'on_later_failure cannot be combined with on-later-failure');
  if (!command) layers.report(at, 'release_command: command is missing');
  return {
    command: command ?? [],
    onLaterFailure: underscored ?? dashed ?? defaults.releaseCommand.onLaterFailure,
    timeout: timeout ?? defaults.releaseCommand.timeout,
  };
}

function environmentVariables(layers: Layers, name: string, config: ServiceConfig): Record<string, string> {
  const base = layers.project.config.services[name]?.env ?? {};
  const over = layers.environment.config.services?.[name]?.env ?? {};
  for (const [key, value] of Object.entries(base))
    if (value === null && !Object.hasOwn(over, key))
      layers.report(['services', name, 'env', key], `${key} has no value: set it to "" or \${${key}}`);
  for (const secret of config.secrets ?? [])
    if (Object.hasOwn(config.env ?? {}, secret))
      layers.report(['services', name, 'env', secret], `${secret} is also listed under secrets`, {
        end: 'key',
      });
  return interpolateAll(layers, config.env ?? {}, ['services', name, 'env']);
}

/** Interpolates the source text of each value, so that `1.10` stays `1.10`. */
function interpolateAll(layers: Layers, values: Readonly<Record<string, string | null>>, at: Path) {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const { source, path } = layers.locate([...at, key]);
      const text = source.written(path) ?? value ?? '';
      return [key, layers.interpolate(text, (message) => layers.report([...at, key], message)) ?? text];
    }),
  );
}

interface ImageContext {
  readonly name: string;
  readonly registry: string | undefined;
  readonly home: string;
}

function imageSource(
  layers: Layers,
  config: ServiceConfig,
  { name, registry, home }: ImageContext,
): ImageSource {
  const at = ['services', name];
  const { build } = config;
  const report = (message: string) => layers.report([...at, 'image'], message);
  const image = config.image ? layers.interpolate(config.image, report) : undefined;
  if (!build) {
    if (!config.image) layers.report(at, `${name} requires image or build`, { end: 'key' });
    else if (image !== undefined) layers.attempt(() => parseImage(image), report);
    return { kind: 'fixed', reference: image ?? config.image ?? '' };
  }
  const { dockerfile, target } = build;
  const secrets = build.secrets ? [...new Set(build.secrets)] : undefined;
  const args = build.args ? interpolateAll(layers, build.args, [...at, 'build', 'args']) : undefined;
  return {
    kind: 'build',
    repository: config.image
      ? configuredRepository(layers, image, registry, report)
      : defaultRepository(layers, name, registry),
    context: absolutePath(build.context ?? '.', layers.project.folder, home),
    ...given({
      dockerfile,
      target,
      args,
      secrets,
    }),
  };
}

/** Returns `registry/project-service`, the repository of a build without `image`. */
function defaultRepository(layers: Layers, name: string, registry: string | undefined): string {
  if (!configuredRegistry(layers) && layers.variables !== undefined)
    layers.report(
      ['services', name, 'build'],
      `${name} is built, but ${layers.environment.name} has no registry to push to: add registry or image`,
      { end: 'key' },
    );
  const path = `${layers.project.config.project}-${name}`;
  return registry === undefined ? path : `${registry}/${path}`;
}

/** Returns the repository that `image` names, in the environment's registry if it names none. */
function configuredRepository(
  layers: Layers,
  image: string | undefined,
  registry: string | undefined,
  report: (message: string) => void,
): string {
  if (image === undefined) return '';
  const below = configuredRegistry(layers) && !namesRegistry(image);
  const parsed = layers.attempt(() => parseImage(below && registry ? `${registry}/${image}` : image), report);
  if (parsed?.tag !== undefined || parsed?.digest !== undefined)
    report('a built image is tagged with its commit: remove the tag');
  return parsed?.repository ?? image;
}

const configuredRegistry = ({ environment, project }: Layers) =>
  environment.config.registry ?? project.config.registry;

/** Returns the environment's registry; undefined if it has none or the value is invalid. */
export function registryOf(layers: Layers): string | undefined {
  const report = (message: string) => layers.report(['registry'], message);
  const config = configuredRegistry(layers);
  const registry = config ? layers.interpolate(config, report)?.replace(/\/+$/, '') : undefined;
  if (registry === undefined) return undefined;
  const parsed = layers.attempt(
    () => parseImage(`${registry}/image`),
    () => report(`registry must be an image name prefix such as ghcr.io/acme, not ${registry}`),
  );
  return parsed && registry;
}
