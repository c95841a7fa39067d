import { posix } from 'node:path';
import { sizeText } from '../../config/parsers.js';
import { ServiceConfig } from '../../config/service-schema.js';
import { Failure } from '../../domain/failure.js';
import { parseImage } from '../../domain/image.js';
import { nearest } from '../../domain/nearest.js';
import { stripAnnotations } from '../draft.js';
import type { ComposeNode } from './compose-node.js';
import { commandOf, dockerKeyConverters, type KeyConverter } from './docker-keys.js';
import { convertEnvFiles, convertEnvironment, pairsOf } from './environment.js';
import { convertHealth } from './health.js';
import { convertPorts } from './ports.js';
import type { ServiceBuilder } from './service-builder.js';
import { parseSize } from './units.js';
import { convertTmpfs, convertVolumes } from './volumes.js';

/** Converts a service; adds unsupported keys to the builder's `skipped`. */
export function convertService(builder: ServiceBuilder): void {
  const entries = builder.service.entries;
  for (const key of keyOrder) {
    const node = entries.get(key);
    if (node !== undefined && node.value !== null) converters[key]?.(builder, node);
  }
  for (const [key, node] of entries) {
    const silent = key.startsWith('x-') || ignoredKeys.has(key) || keyOrder.includes(key);
    if (!silent) builder.skip(node, reasons[key] ?? unknownKey(key));
  }
  dropInvalidKeys(builder);
}

function image(builder: ServiceBuilder, node: ComposeNode): void {
  const text = builder.interpolatedText(node);
  if (builder.service.get('build') === undefined) {
    builder.keys.image = text;
    return;
  }
  // Ignores colons inside of variables: they do not start a tag.
  const repository = text.replace(/@[^/]*$|:(?:\$\{[^}]*\}|[^/:}])+$/, '');
  if (repository !== text) builder.skip(node, 'a built image is tagged with its commit');
  builder.keys.image = repository;
}

function build(builder: ServiceBuilder, node: ComposeNode): void {
  const { folder } = builder.context;
  const at = node.isMap ? node.get('context') : node;
  const source = at === undefined ? '.' : builder.fixedText(at);
  if (/^(?:[a-z+]+:\/\/|git@)|\.git(?:#|$)/.test(source)) {
    builder.skip(at ?? node, 'must be a folder: images are built from local files');
    return;
  }
  const context = posix.isAbsolute(source)
    ? source
    : posix.normalize(posix.join(folder, source)).replace(/(?<=.)\/$/, '');
  const text = (key: string) => {
    const part = node.get(key);
    return part === undefined ? {} : { [key]: builder.fixedText(part) };
  };
  const args = node.get('args');
  const values = args === undefined ? [] : pairsOf(args);
  const map = {
    context,
    ...text('dockerfile'),
    ...text('target'),
    ...(values.length === 0
      ? {}
      : {
          args: Object.fromEntries(
            values.map(({ name, at: pair, text: value }) => [
              name,
              builder.interpolatedText(pair, value ?? `\${${name}}`),
            ]),
          ),
        }),
  };
  for (const [key, part] of node.entries)
    if (!['context', 'dockerfile', 'target', 'args'].includes(key)) builder.skip(part, 'not supported');
  builder.keys.build = Object.keys(map).length === 1 ? context : map;
}

function restart(builder: ServiceBuilder, node: ComposeNode): void {
  const [policy = '', tries] = builder.fixedText(node).split(':');
  if (tries !== undefined) builder.skip(node, 'a limit on restarts is not supported');
  const known: Readonly<Record<string, string>> = {
    no: 'no',
    none: 'no',
    false: 'no',
    'on-failure': 'on-failure',
  };
  if (known[policy] !== undefined) builder.keys.restart = known[policy];
}

function memory(builder: ServiceBuilder, node: ComposeNode): void {
  const bytes = parseSize(builder.fixedText(node));
  if (bytes === undefined) builder.skip(node, 'must be a size');
  else if (bytes > 0) builder.keys.memory = sizeText(bytes);
}

function cpus(builder: ServiceBuilder, node: ComposeNode): void {
  const number = Number(builder.fixedText(node));
  if (number > 0) builder.keys.cpus = number;
}

function replicas(builder: ServiceBuilder, node: ComposeNode): void {
  if (node.value !== 1) builder.skip(node, 'each host runs one container per service');
}

function deploy(builder: ServiceBuilder, node: ComposeNode): void {
  for (const [key, part] of node.entries) {
    const condition = part.get('condition');
    if (key === 'replicas') replicas(builder, part);
    else if (key === 'restart_policy' && condition !== undefined) restart(builder, condition);
    else if (key !== 'resources') builder.skip(part, 'not supported');
  }
  const resources = node.get('resources');
  const reserved = resources?.get('reservations');
  if (reserved !== undefined) builder.skip(reserved, 'only limits are supported');
  for (const [key, part] of resources?.get('limits')?.entries ?? []) {
    if (key === 'memory') memory(builder, part);
    else if (key === 'cpus') cpus(builder, part);
    else if (key === 'pids') dockerKeyConverters.pids_limit?.(builder, part);
    else builder.skip(part, 'not supported');
  }
}

function needs(builder: ServiceBuilder, node: ComposeNode): void {
  const { names } = builder.context;
  const found = node.isMap ? [...node.entries.keys()] : node.items.map((at) => at.text ?? '');
  const known = found.flatMap((name) => names.get(name) ?? []);
  if (known.length > 0) builder.keys.needs = known;
}

function command(builder: ServiceBuilder, node: ComposeNode): void {
  const words = commandOf(builder, node);
  if (words !== undefined) builder.keys.command = words;
}

const converters: Readonly<Record<string, KeyConverter>> = {
  image,
  build,
  command,
  ports: convertPorts,
  environment: convertEnvironment,
  env_file: convertEnvFiles,
  volumes: convertVolumes,
  tmpfs: convertTmpfs,
  healthcheck: convertHealth,
  restart,
  mem_limit: memory,
  cpus,
  deploy,
  scale: replicas,
  user: (builder, node) => {
    builder.keys.user = builder.fixedText(node);
  },
  depends_on: needs,
  ...dockerKeyConverters,
};

/** Ports precede health, which reads them; `environment` precedes `env_file`, which it overrides. */
const keyOrder = Object.keys(converters);

/** Keys without an effect on containers that oneclick starts. */
const ignoredKeys = new Set([
  'expose',
  'profiles',
  'attach',
  'develop',
  'pull_policy',
  'annotations',
  'networks',
]);

const reasons: Readonly<Record<string, string>> = {
  container_name: 'oneclick chooses container names; services reach each other by service name',
  extends: 'not supported: pass the output of `docker compose config` instead',
  network_mode: 'services on a host share one network',
  links: 'services reach each other by service name',
  external_links: 'services reach each other by service name',
  secrets: 'secret files are not supported: list variables under secrets',
  configs: 'files are not copied to servers: add them to the image',
  devices: 'use docker: {HostConfig: {Devices: …}}',
  platform: 'Docker pulls the image for the platform of the host',
  mem_reservation: 'only limits are supported',
  ipc: 'use docker: {HostConfig: {IpcMode: …}}',
  pid: 'use docker: {HostConfig: {PidMode: …}}',
};

function unknownKey(key: string): string {
  const near = nearest(key, [...keyOrder, ...ignoredKeys, ...Object.keys(reasons)]);
  return near === undefined ? 'not supported' : `unknown key: did you mean ${near}?`;
}

/** Removes keys that the schema of `oneclick.yml` rejects. */
function dropInvalidKeys(builder: ServiceBuilder): void {
  const { shape } = ServiceConfig;
  for (const [key, value] of Object.entries(builder.keys)) {
    const schema = shape[key as keyof typeof shape];
    const parsed = schema.safeParse(stripAnnotations(value));
    const why = parsed.success ? imageProblem(key, builder) : parsed.error.issues[0]?.message;
    if (why === undefined) continue;
    builder.skip(nodeFor(builder, key), `${key}: ${why}`);
    delete builder.keys[key];
  }
}

function imageProblem(key: string, { keys }: ServiceBuilder): string | undefined {
  if (key !== 'image' || typeof keys.image !== 'string' || keys.image.includes('$')) return undefined;
  try {
    parseImage(keys.image);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** Returns the compose node that a key was converted from. */
function nodeFor({ service }: ServiceBuilder, key: string): ComposeNode {
  const composeKeys: Readonly<Record<string, string>> = {
    env: 'environment',
    port: 'ports',
    health: 'healthcheck',
    needs: 'depends_on',
  };
  return service.get(composeKeys[key] ?? key) ?? service;
}
