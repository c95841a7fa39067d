import { join } from 'node:path';
import type { Cloud } from '../cloud/cloud.js';
import { poller } from '../cloud/poll.js';
import { localFiles } from '../config/files.js';
import { type Logins, registryAuth } from '../config/registry-auth.js';
import type { HostAddress } from '../domain/environment.js';
import type { Facts, HostFacts } from '../domain/facts.js';
import { Blocked, Failure, failureRecord } from '../domain/failure.js';
import { parseImage } from '../domain/image.js';
import type { Service } from '../domain/service.js';
import { readFacts, type Snapshot } from '../host/facts.js';
import type { Host } from '../host/host.js';
import { connectAll, type Hosts, type HostsOptions } from '../host/hosts.js';
import type { PendingCall } from '../host/observe.js';
import type { World } from '../tasks/world.js';
import { readGroups } from './groups.js';
import { Redial } from './redial.js';
import { runHere, type Session } from './session.js';
import type { Shipment } from './shipment.js';

/** The hosts of a run, connected, and what can be asked of them. */
export interface Field {
  readonly hosts: Hosts;
  /** What they pull from this machine. */
  readonly shipment?: Shipment;
  readonly world: World;
  /** Reads the facts of all hosts; what is missing is a problem. With a signal, hosts that are lost are connected to again. */
  look(again?: AbortSignal): Promise<Snapshot>;
  /** The same, where problems are thrown as {@link Blocked}. */
  facts(): Promise<Facts>;
  /** The host, connected again where the connection was lost. Throws its Failure, or the signal's reason. */
  reach(host: string, signal: AbortSignal): Promise<Host>;
  /** Reads the facts of one host; throws its Failure. */
  glance(host: Host): Promise<HostFacts>;
  close(): Promise<void>;
}

/** What a field is opened for. */
export interface FieldNeeds {
  /** Registries are asked only where the run resolves references: a rollback must do without them. */
  readonly resolves?: boolean | Promise<boolean>;
  readonly shipment?: Shipment;
  /** Whether target groups are looked at, too; `only`: no host is connected to, and no secret looked up. */
  readonly cloud?: 'too' | 'only';
}

/**
 * Connects to the hosts of these services, and to those beside. What goes wrong on the former is a problem of
 * {@link Field.look}; on the latter it is warned of, once, and they are left out. What is
 * not known yet is waited for while the hosts answer; its failure is thrown, and no host waited for.
 */
export async function openField(
  session: Session,
  services: readonly Service[],
  beside: readonly string[] = [],
  { resolves = false, shipment, cloud: looks }: FieldNeeds = {},
): Promise<Field> {
  const { edge, environment, project, secrets } = session;
  const onHosts = looks === 'only' ? [] : services;
  const names = new Set([
    ...onHosts.flatMap(({ instances }) => instances.map(({ host }) => host)),
    ...beside,
  ]);
  const addresses = environment.hosts.filter(({ name }) => names.has(name));
  const wanted = [...new Set(onHosts.flatMap((service) => service.secrets))];
  const cloud = looks === undefined ? undefined : await openCloud(session);
  const sshEnvironment = { home: edge.home, user: edge.user, variables: edge.env };
  const options = {
    clock: edge.clock,
    environment: sshEnvironment,
    witness: (call: PendingCall) => session.reporter.call(call),
  };
  const [hosts, values, asks] = await connectMeanwhile(addresses, options, [
    settle(secrets.get(wanted)),
    resolves,
  ]);
  for (const host of hosts.connected.values()) void host.engine.warm();
  const logins: Logins = {
    folder: edge.env.DOCKER_CONFIG || join(edge.home, '.docker'),
    files: localFiles,
    run: (command) => runHere(edge, project.folder, command),
  };
  const auth = async (reference: string) =>
    parseImage(reference).registry === shipment?.login.serveraddress
      ? shipment.login
      : registryAuth(reference, logins);
  const warned = new Set<string>();
  const warnOf = (problems: readonly Failure[]) => {
    for (const { host = '', message } of problems.map(failureRecord)) {
      if (!warned.has(host)) session.reporter.warn(`${host} is left out, its releases too: ${message}`);
      warned.add(host);
    }
  };
  let resolved: Facts['resolved'] = shipment?.resolved ?? {};
  const redial = new Redial(hosts, addresses, options);
  const request = () => ({
    project: environment.project,
    environment: environment.name,
    services,
    secrets: values instanceof Failure ? new Map<string, string>() : values,
    resolves: asks,
    resolved,
    auth,
  });
  const reach = (again: AbortSignal | undefined) =>
    again === undefined
      ? [...hosts.connected.values(), ...hosts.failures]
      : Promise.all(addresses.map(({ name }) => settle(redial.reach(name, again))));
  const look = async (again?: AbortSignal): Promise<Snapshot> => {
    const asking = cloud === undefined ? undefined : settle(readGroups(cloud, services));
    const reached = await reach(again);
    const lost = reached.filter((host) => host instanceof Failure);
    const snapshot = await readFacts(
      reached.flatMap((host) => (host instanceof Failure ? [] : [host])),
      request(),
    );
    resolved = snapshot.facts.resolved;
    const groups = await asking;
    const missing = values instanceof Failure ? [values] : [];
    const unknown = groups instanceof Failure ? [groups] : [];
    const all = [...lost, ...missing, ...unknown, ...snapshot.problems];
    const isBeside = ({ host }: Failure) => host !== undefined && beside.includes(host);
    warnOf(all.filter(isBeside));
    const facts =
      groups === undefined || groups instanceof Failure ? snapshot.facts : { ...snapshot.facts, groups };
    return { facts, problems: all.filter((problem) => !isBeside(problem)) };
  };
  return {
    hosts,
    ...(shipment === undefined ? {} : { shipment }),
    look,
    facts: async () => {
      const { facts, problems } = await look();
      if (problems.length > 0) throw new Blocked(problems);
      return facts;
    },
    world: {
      host: (name) => hostOf(hosts.connected, name),
      cloud: () => cloud ?? noCloud(),
      poll: poller(edge),
      secrets: (needed) => secrets.get(needed),
      auth,
      local: (command, onLine, signal) => runHere(edge, project.folder, command, onLine, signal),
    },
    reach: (name, signal) => redial.reach(name, signal),
    glance: async (host) => {
      const { facts, problems } = await readFacts([host], request());
      const [problem] = problems;
      const known = facts.hosts[host.name];
      if (known === undefined) throw problem ?? new Error(`${host.name} has neither facts nor a problem`);
      return known;
    },
    close: () => redial.close(),
  };
}

/** The hosts, and what else is waited for; where that fails, the hosts are left. */
async function connectMeanwhile<A, B>(
  addresses: readonly HostAddress[],
  options: HostsOptions,
  others: readonly [A, B],
): Promise<[Hosts, Awaited<A>, Awaited<B>]> {
  const left = new AbortController();
  const hosts = connectAll(addresses, { ...options, signal: left.signal });
  try {
    return await Promise.all([hosts, ...others]);
  } catch (error) {
    left.abort(new Failure('failed', 'host.left', 'it is not waited for any more'));
    void hosts.then((connected) => connected.close());
    throw error;
  }
}

/** The cloud, as AWS's own tools would reach it from here. Its adapter is read only where it is needed. */
export async function openCloud({ edge, reporter }: Session): Promise<Cloud> {
  const [{ awsCloud }, { batched }] = await Promise.all([
    import('../cloud/aws/aws.js'),
    import('../cloud/batched.js'),
  ]);
  const { clock, random, env: variables } = edge;
  const onWaiting = (text: string) => reporter.note(text);
  return batched(awsCloud({ clock, random, variables, onWaiting }), { clock });
}

function noCloud(): never {
  throw new Failure('usage', 'target-group.none', 'no service of this run has a target group');
}

/** The value, or the failure as one. */
async function settle<T>(work: Promise<T>): Promise<T | Failure> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function hostOf(connected: ReadonlyMap<string, Host>, name: string): Host {
  const host = connected.get(name);
  if (host === undefined)
    throw new Failure('unreachable', 'host.unreachable', 'it is not connected', { host: name });
  return host;
}
