import type { Environment, HostAddress } from '../domain/environment.js';
import { given } from '../domain/given.js';
import { rangeText } from '../domain/health-status.js';
import type { Service } from '../domain/service.js';
import { durationText, sizeText } from './parsers.js';

/** Returns a resolved environment in the format of `oneclick.yml`; secrets by name only. */
export function environmentDocument({ project, name, registry, services, hosts }: Environment) {
  return {
    project,
    environment: name,
    ...given({ registry }),
    hosts: Object.fromEntries(hosts.map((host) => [host.name, hostDocument(host)])),
    services: Object.fromEntries(services.map((service) => [service.name, serviceDocument(service)])),
  };
}

function hostDocument({
  address,
  port,
  user,
  key,
  knownHosts,
  hostKeys,
  transport,
  bastion,
}: HostAddress): object {
  return given({
    address,
    port,
    user,
    key,
    known_hosts: knownHosts,
    host_keys: hostKeys,
    transport,
    bastion: bastion && hostDocument(bastion),
  });
}

function serviceDocument(service: Service): object {
  const { image, port, health, stop, releaseCommand, instances, memory } = service;
  const {
    env,
    secrets,
    volumes,
    command,
    cpus,
    user,
    restart,
    swap,
    targetGroup,
    confirm,
    singleton,
    needs,
    keep,
    docker,
  } = service;
  return given({
    ...(image.kind === 'fixed' ? { image: image.reference } : buildDocument(image)),
    command,
    port: port && [port.address, port.host, port.container].filter((part) => part !== undefined).join(':'),
    health: given({
      path: health.path,
      host: health.host,
      headers: health.headers,
      scheme: health.scheme,
      status: health.status?.map(rangeText),
      port: health.port,
      command: health.command,
      interval: durationText(health.interval),
      timeout: durationText(health.timeout),
      deadline: durationText(health.deadline),
      settle: durationText(health.settle),
    }),
    env,
    secrets,
    volumes,
    user,
    memory: memory === undefined ? undefined : sizeText(memory),
    cpus,
    restart,
    stop: given({ signal: stop.signal, timeout: durationText(stop.timeout) }),
    swap,
    target_group: targetGroup,
    confirm: confirm?.off ? 'off' : confirm,
    port_range: port?.range && `${port.range.from}-${port.range.to}`,
    singleton,
    needs,
    keep,
    release_command: releaseCommand && {
      command: releaseCommand.command,
      timeout: durationText(releaseCommand.timeout),
      on_later_failure: releaseCommand.onLaterFailure,
    },
    docker,
    hosts: instances.map(({ host }) => host),
  });
}

function buildDocument({
  repository,
  context,
  dockerfile,
  target,
  args,
  secrets,
}: Extract<Service['image'], { kind: 'build' }>) {
  return { image: repository, build: given({ context, dockerfile, target, args, secrets }) };
}
