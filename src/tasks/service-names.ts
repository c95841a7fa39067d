import { z } from 'zod';
import type { EnvironmentId } from '../domain/environment.js';
import type { HostFacts, InspectedContainer } from '../domain/facts.js';
import { dockerOn, onHost, type PlainCommand } from '../domain/plain-command.js';
import type { Rollout } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import {
  fixedAddress,
  hasName,
  isNamedWhenHealthy,
  namesLabels,
  namesNetworkFor,
} from '../domain/service-names.js';
import { commandLine } from '../domain/shell.js';
import type { Subject } from '../domain/task.js';
import type { Engine } from '../host/host.js';
import { hostName, serviceOf } from './task.js';

/** How a container joins the network of the service names. */
export const NamesMembership = z.strictObject({
  network: z.string(),
  /** Whether it has an address of its own, because it gets its name only when it is healthy. */
  fixed: z.boolean(),
});
export type NamesMembership = z.infer<typeof NamesMembership>;

/** Returns how a container of the service joins the network of the service names; undefined if the host has no such network. */
export function membershipOf(
  host: HostFacts,
  { run, services }: Subject,
  service?: Service,
): NamesMembership | undefined {
  const network = namesNetworkFor(host, run, services);
  return network === undefined
    ? undefined
    : { network, fixed: service !== undefined && isNamedWhenHealthy(service) };
}

/** Connects a container to the network of the service names, with these aliases; creates the network unless it exists. */
export async function joinNames(
  engine: Engine,
  container: string,
  { network, fixed }: NamesMembership,
  id: EnvironmentId,
  aliases: readonly string[] = [],
): Promise<void> {
  const [found, others] = await Promise.all([engine.fixedSubnet(network), fixed ? engine.containers() : []]);
  if (found === undefined) await engine.ensureNamesNetwork(network, namesLabels(id));
  const subnet = found ?? (await engine.fixedSubnet(network));
  const taken = new Set(others.flatMap(({ addresses = {} }) => addresses[network] ?? []));
  const address = fixed && subnet !== undefined ? fixedAddress(subnet, container, taken) : undefined;
  await engine.connect(network, container, aliases, address);
}

/** Gives the container the name of its service, or does nothing if it has it. */
export async function giveName(
  engine: Engine,
  container: string,
  network: string,
  service: string,
): Promise<void> {
  const found = await engine.container(container);
  if (found === undefined || hasName(found, service)) return;
  await engine.connect(network, container, [service]);
}

/** Takes the name of its service from the container, whose connections survive. */
export async function takeName(engine: Engine, container: string, network: string): Promise<void> {
  const found = await engine.container(container);
  if (found === undefined || !isNamedOn(found, network)) return;
  await engine.connect(network, container, []);
}

/** Whether the container has a name on the network. */
export function isNamedOn({ aliases = {} }: Pick<InspectedContainer, 'aliases'>, network: string): boolean {
  return (aliases[network] ?? []).length > 0;
}

/** Returns the command that connects a new container to the network of the service names. */
export function joinNamesCommand(
  host: string,
  container: string,
  { network }: NamesMembership,
): PlainCommand {
  return dockerOn(host, 'let it reach services by name', 'network', 'connect', network, container);
}

/** Returns the command that replaces the name of a container, which keeps its address. */
export function nameCommand(
  host: string,
  why: string,
  container: string,
  network: string,
  names: readonly string[],
): PlainCommand {
  const format = `{{with index .NetworkSettings.Networks "${network}"}}{{.IPAddress}}{{end}}`;
  const inspect = commandLine(['docker', 'inspect', '--format', format, container]);
  const leave = commandLine(['docker', 'network', 'disconnect', network, container]);
  const options = names.flatMap((name) => ['--alias', name]);
  const join = commandLine(['docker', 'network', 'connect', ...options, network, container]);
  const withAddress = join.replace('docker network connect', 'docker network connect --ip "$ip"');
  return onHost(host, why, `ip=$(${inspect}) && ${leave} && ${withAddress}`);
}

/**
 * Returns the network on which a new container gets the name of its service; undefined if it has it, or gets it at its creation.
 * Canaries never get one.
 */
export function namesToGive(
  host: HostFacts,
  { container, rollout }: { readonly container: string; readonly rollout: Rollout },
  { run, services, service }: Subject,
): string | undefined {
  if (service === undefined || !isNamedWhenHealthy(service) || run.recipe === 'canary') return undefined;
  const known = host.containers.find(({ name }) => name === container);
  if (rollout.release.adopted !== undefined || (known !== undefined && hasName(known, service.name)))
    return undefined;
  return namesNetworkFor(host, run, services);
}

/** Returns the command that gives a healthy container its name; none without a network. */
export function giveNameCommands(
  container: string,
  network: string | undefined,
  subject: Subject,
): readonly PlainCommand[] {
  const { name } = serviceOf(subject);
  const why = `let other services reach it as ${name}`;
  return network === undefined ? [] : [nameCommand(hostName(subject), why, container, network, [name])];
}
