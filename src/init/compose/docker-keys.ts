import { durationText } from '../../config/parsers.js';
import { isOwnLabel, labelPrefix } from '../../domain/labels.js';
import type { ComposeNode } from './compose-node.js';
import { pairsOf } from './environment.js';
import type { ServiceBuilder } from './service-builder.js';
import { parseDuration, parseSize, splitCommand } from './units.js';

/** Converts one key of a service. */
export type KeyConverter = (builder: ServiceBuilder, node: ComposeNode) => void;

const listConverter =
  (key: string): KeyConverter =>
  (builder, node) =>
    builder.setHostConfig(
      key,
      node.items.map((at) => builder.fixedText(at)),
    );
const flagConverter =
  (key: string): KeyConverter =>
  (builder, node) => {
    if (node.value === true) builder.setHostConfig(key, true);
  };
const pairs = (builder: ServiceBuilder, node: ComposeNode) =>
  pairsOf(node).map(({ name, at, text }) => [name, builder.fixedText(at, text ?? '')] as const);

/** Returns the words of a command in list or string form. */
export function commandOf(builder: ServiceBuilder, node: ComposeNode): readonly string[] | undefined {
  if (Array.isArray(node.value)) return node.items.map((at) => builder.fixedText(at));
  const text = builder.fixedText(node);
  const words = splitCommand(text);
  if (words === undefined) builder.skip(node, 'unclosed quote');
  return words?.length === 0 ? undefined : words;
}

function ulimits(builder: ServiceBuilder, node: ComposeNode): void {
  const limits = [...node.entries].map(([Name, at]) => {
    const of = (key: string) => Number((at.isMap ? at.get(key) : at)?.value);
    return { Name, Soft: of('soft'), Hard: of('hard') };
  });
  const valid = limits.filter(({ Soft, Hard }) => Number.isFinite(Soft) && Number.isFinite(Hard));
  if (valid.length > 0) builder.setHostConfig('Ulimits', valid);
  if (valid.length < limits.length) builder.skip(node, 'limits must be numbers');
}

function labels(builder: ServiceBuilder, node: ComposeNode): void {
  const all = pairs(builder, node);
  const reserved = all.filter(([name]) => isOwnLabel(name));
  if (reserved.length > 0) builder.skip(node, `labels starting with ${labelPrefix} are set by oneclick`);
  const others = all.filter((pair) => !reserved.includes(pair));
  if (others.length > 0) builder.setDocker('Labels', Object.fromEntries(others));
}

function logging(builder: ServiceBuilder, node: ComposeNode): void {
  const driver = node.get('driver');
  const options = node.get('options');
  builder.setHostConfig('LogConfig', {
    Type: driver === undefined ? 'json-file' : builder.fixedText(driver),
    ...(options === undefined ? {} : { Config: Object.fromEntries(pairs(builder, options)) }),
  });
}

/** Converters for keys that become Docker API keys under `docker:`. */
export const dockerKeyConverters: Readonly<Record<string, KeyConverter>> = {
  entrypoint: (builder, node) => {
    const words = commandOf(builder, node);
    if (words !== undefined) builder.setDocker('Entrypoint', words);
  },
  working_dir: (builder, node) => builder.setDocker('WorkingDir', builder.fixedText(node)),
  hostname: (builder, node) => builder.setDocker('Hostname', builder.fixedText(node)),
  domainname: (builder, node) => builder.setDocker('Domainname', builder.fixedText(node)),
  tty: (builder, node) => {
    if (node.value === true) builder.setDocker('Tty', true);
  },
  stdin_open: (builder, node) => {
    if (node.value === true) builder.setDocker('OpenStdin', true);
  },
  labels,
  logging,
  ulimits,
  privileged: flagConverter('Privileged'),
  read_only: flagConverter('ReadonlyRootfs'),
  init: flagConverter('Init'),
  cap_add: listConverter('CapAdd'),
  cap_drop: listConverter('CapDrop'),
  security_opt: listConverter('SecurityOpt'),
  group_add: listConverter('GroupAdd'),
  dns: listConverter('Dns'),
  dns_search: listConverter('DnsSearch'),
  extra_hosts: (builder, node) =>
    builder.setHostConfig(
      'ExtraHosts',
      node.isMap
        ? pairs(builder, node).map(([name, address]) => `${name}:${address}`)
        : node.items.map((at) => builder.fixedText(at).replace('=', ':')),
    ),
  sysctls: (builder, node) => builder.setHostConfig('Sysctls', Object.fromEntries(pairs(builder, node))),
  shm_size: (builder, node) => {
    const size = parseSize(builder.fixedText(node));
    if (size === undefined) builder.skip(node, 'must be a size');
    else builder.setHostConfig('ShmSize', size);
  },
  pids_limit: (builder, node) => builder.setHostConfig('PidsLimit', Number(builder.fixedText(node)) || -1),
  stop_signal: (builder, node) => builder.add('stop', { signal: builder.fixedText(node) }),
  stop_grace_period: (builder, node) => {
    const ms = parseDuration(builder.fixedText(node));
    if (ms === undefined) builder.skip(node, 'must be a duration');
    else builder.add('stop', { timeout: durationText(ms) });
  },
};
