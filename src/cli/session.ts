import { join } from 'node:path';
import { localFiles } from '../config/files.js';
import {
  chosenEnvironment,
  loadProject,
  type Project,
  resolveEnvironment,
  type Setting,
} from '../config/load.js';
import { type Logins, registryAuth } from '../config/registry-auth.js';
import { type SecretStore, secretStore } from '../config/secrets.js';
import type { Environment, HostAddress } from '../domain/environment.js';
import type { Facts, HostFacts } from '../domain/facts.js';
import { Blocked, Failure, failureRecord } from '../domain/failure.js';
import { parseImage } from '../domain/image.js';
import type { Service } from '../domain/service.js';
import type { RunInfo } from '../domain/task.js';
import { readFacts, type Snapshot } from '../host/facts.js';
import type { Command, Host } from '../host/host.js';
import { connectAll, type Hosts, type HostsOptions } from '../host/hosts.js';
import type { PendingCall } from '../host/observe.js';
import type { Reporter } from '../report/reporter.js';
import type { World } from '../tasks/world.js';
import { commitOf, type Edge, runLocal } from './edge.js';
import type { Globals } from './grammar/flags.js';
import { Redial } from './redial.js';
import type { Shipment } from './shipment.js';
import type { Voice } from './speak.js';

/** What every command about servers has: the project in one environment, and a way to speak. */
export interface Session {
  readonly edge: Edge;
  readonly reporter: Reporter;
  readonly project: Project;
  readonly environment: Environment;
  readonly secrets: SecretStore;
  /** Takes these values out of everything that is said from now on. */
  readonly hide: Voice['hide'];
  readonly commit: string | undefined;
}

/** What the person said, for every command about servers. */
export interface SessionOptions {
  readonly file?: string;
  readonly env?: string;
  readonly environment?: Globals['environment'];
}

/** What surrounds a configuration on this machine. */
export function settingOf(edge: Edge): Setting {
  const environmentsDir = join(edge.stateDir, 'environments');
  return { files: localFiles, cwd: edge.cwd, home: edge.home, environmentsDir, variables: edge.env };
}

/** Reads the project. */
export function openProject(edge: Edge, { file }: SessionOptions): Promise<Project> {
  return loadProject(settingOf(edge), file);
}

/** Reads the project and resolves the environment; touches no server. */
export async function openSession(
  edge: Edge,
  voice: Pick<Voice, 'reporter' | 'hide'>,
  options: SessionOptions,
): Promise<Session> {
  const { reporter } = voice;
  const setting = settingOf(edge);
  const project = await openProject(edge, options);
  const commit = commitOf(project.folder);
  const { name } = chosenEnvironment(project, { ...options.environment, flag: options.env });
  const resolved = await resolveEnvironment(project, name, setting);
  const run = (command: Command) => runHere(edge, project.folder, command);
  const secrets = secretStore({
    environment: resolved.environment.name,
    folder: project.folder,
    sources: resolved.secretSources,
    variables: edge.env,
    files: localFiles,
    run,
  });
  for (const warning of [...resolved.warnings, ...(await secrets.warnings())]) reporter.warn(warning);
  return {
    edge,
    reporter,
    project,
    environment: resolved.environment,
    secrets,
    hide: voice.hide,
    commit: await commit,
  };
}

/** Runs a command of this machine in a folder; one that cannot be started is a Failure. */
async function runHere(
  edge: Edge,
  cwd: string,
  command: Command,
  onLine: (line: string) => void = () => undefined,
  signal?: AbortSignal,
) {
  try {
    return await runLocal(
      command,
      { cwd, env: edge.env, ...(signal === undefined ? {} : { signal }) },
      onLine,
    );
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('failed', 'command.start', `${command.argv[0]} did not run: ${message}`, { cause });
  }
}

/** A run that begins now. */
export function newRun(session: Session, recipe: string): RunInfo {
  const { edge, environment, commit } = session;
  return {
    id: edge.runId(),
    recipe,
    project: environment.project,
    environment: environment.name,
    who: edge.who,
    started: edge.clock.now().toISOString(),
    ...(commit === undefined ? {} : { commit }),
  };
}

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

/**
 * Connects to the hosts of these services, and to those beside. What goes wrong on the former is a problem of
 * {@link Field.look}; on the latter it is warned of, once, and they are left out. Registries are asked only where the run
 * `resolves` references: a rollback must do without them. What is not known yet is waited for while the hosts answer; its
 * failure is thrown, and no host waited for.
 */
export async function openField(
  session: Session,
  services: readonly Service[],
  beside: readonly string[] = [],
  {
    resolves = false,
    shipment,
  }: { readonly resolves?: boolean | Promise<boolean>; readonly shipment?: Shipment } = {},
): Promise<Field> {
  const { edge, environment, project, secrets } = session;
  const names = new Set([
    ...services.flatMap(({ instances }) => instances.map(({ host }) => host)),
    ...beside,
  ]);
  const addresses = environment.hosts.filter(({ name }) => names.has(name));
  const wanted = [...new Set(services.flatMap((service) => service.secrets))];
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
  if (!(values instanceof Failure)) session.hide(values);
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
    const reached = await reach(again);
    const lost = reached.filter((host) => host instanceof Failure);
    const snapshot = await readFacts(
      reached.flatMap((host) => (host instanceof Failure ? [] : [host])),
      request(),
    );
    resolved = snapshot.facts.resolved;
    const missing = values instanceof Failure ? [values] : [];
    const all = [...lost, ...missing, ...snapshot.problems];
    const isBeside = ({ host }: Failure) => host !== undefined && beside.includes(host);
    warnOf(all.filter(isBeside));
    return { facts: snapshot.facts, problems: all.filter((problem) => !isBeside(problem)) };
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
