import type { Cloud } from '../cloud/cloud.js';
import { poller } from '../cloud/poll.js';
import type { FoundSecrets } from '../config/secrets.js';
import type { HostAddress } from '../domain/environment.js';
import type { Configured, Facts, HostFacts, SecretFacts } from '../domain/facts.js';
import { Blocked, Failure, failureRecord } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { runVariables } from '../domain/parent-run.js';
import type { Service } from '../domain/service.js';
import type { Need } from '../domain/task.js';
import type { CallListener } from '../host/call-log.js';
import { type FactsRequest, readFacts, type Snapshot } from '../host/facts.js';
import type { Host } from '../host/host.js';
import type { Hosts } from '../host/hosts.js';
import type { PlannedBuilds } from '../host/resolve-images.js';
import type { Ports } from '../tasks/task.js';
import type { ImageTransfer } from './build/transfer.js';
import { hostNames } from './choose-services.js';
import { orFailure } from './or-failure.js';
import { type Dial, Reconnector } from './reconnect.js';
import { registryLogins } from './registry-login.js';
import { runHere, type Session } from './session.js';
import { readTargetGroups } from './target-groups.js';

/** The connected hosts of a command, and the facts they provide. */
export interface ConnectedEnvironment {
  readonly hosts: Hosts;
  /** The images that hosts pull from this machine. */
  readonly transfer?: ImageTransfer;
  readonly ports: Ports;
  /** Reads the facts of all hosts and returns failures as problems. With a signal, reconnects to lost hosts. */
  snapshot(reconnect?: AbortSignal): Promise<Snapshot>;
  /** Reads the facts of all hosts. Throws {@link Blocked} if there are problems. */
  facts(): Promise<Facts>;
  /** Returns the host, reconnecting if its connection was lost. Throws its Failure, or the signal's reason. */
  reconnect(host: string, signal: AbortSignal): Promise<Host>;
  /** Reads the facts of one host; throws its Failure. */
  readHost(host: Host): Promise<HostFacts>;
  /** Looks up these secrets, running their commands, for the facts that are read from now on. Missing ones are not a failure. */
  readSecrets(names: readonly string[]): Promise<void>;
  /** Ends the busy line; reading facts ends it too. */
  ready(): void;
}

/** What to connect to, and for which services. */
export interface ConnectRequest {
  readonly services: readonly Service[];
  /** Hosts that are read but not changed; their problems are only warnings. */
  readonly untouchedHosts?: readonly string[];
  /** Hosts that are no longer configured, by service. */
  readonly formerHosts?: Readonly<Record<string, readonly string[]>>;
  /** Default: hosts. */
  readonly needs?: ReadonlySet<Need>;
  /** Which secrets of the services to look up at once. Default: none. */
  readonly secrets?: 'all' | 'stored';
  readonly transfer?: ImageTransfer;
  /** For a dry run: the images that would be built. */
  readonly builds?: PlannedBuilds;
  /** Names of services that keep their current image if the registry is down. */
  readonly unasked?: readonly string[];
  /** Text to show until the first facts are read. Default: `checking ENVIRONMENT`. */
  readonly busy?: string;
  /** Shows the text only on terminals that can erase it. */
  readonly brief?: boolean;
}

/**
 * Connects to the hosts for `work` and closes every connection afterwards. Unreachable hosts are problems of
 * {@link ConnectedEnvironment.snapshot}.
 */
export async function withEnvironment<T>(
  session: Session,
  request: ConnectRequest,
  work: (connected: ConnectedEnvironment) => Promise<T>,
): Promise<T> {
  const { busy = `checking ${session.environment.name}`, brief = false } = request;
  const ready = session.listener.busy(busy, { brief });
  try {
    const environment = await OpenEnvironment.open(session, request, ready);
    try {
      return await work(environment);
    } finally {
      ready();
      await environment.close();
    }
  } finally {
    ready();
  }
}

/** Opens the cloud and reports delayed calls as notes. */
export function openCloud({ context, listener }: Session): Promise<Cloud> {
  const { clock, random, env: variables } = context;
  return context.adapters.openCloud({ clock, random, variables, onWaiting: (text) => listener.note(text) });
}

class OpenEnvironment implements ConnectedEnvironment {
  readonly hosts: Hosts;
  readonly transfer?: ImageTransfer;
  readonly ports: Ports;
  readonly ready: () => void;
  readonly #session: Session;
  readonly #request: ConnectRequest;
  readonly #reconnector: Reconnector;
  readonly #cloud: Cloud | undefined;
  /** Undefined if no secrets are looked up. */
  #secrets: FoundSecrets | undefined;
  readonly #warned = new Set<string>();
  #resolved: Facts['resolved'];

  static async open(session: Session, request: ConnectRequest, ready: () => void): Promise<OpenEnvironment> {
    const { needs = new Set<Need>(['hosts']), untouchedHosts = [], secrets: which } = request;
    const services = needs.has('hosts') ? request.services : [];
    const names = new Set([...hostNames(services), ...(needs.has('hosts') ? untouchedHosts : [])]);
    const addresses = session.environment.hosts.filter(({ name }) => names.has(name));
    const dial = dialOf(session);
    // Local commands may print them too.
    const wanted = request.services.flatMap((service) => service.secrets);
    const [hosts, secrets, cloud] = await connectWith(dial, addresses, [
      which === undefined ? undefined : session.secrets.find(wanted, which),
      needs.has('cloud') ? openCloud(session) : undefined,
    ]);
    for (const host of hosts.connected.values()) void host.engine.warm();
    const reconnector = new Reconnector(hosts, addresses, dial);
    return new OpenEnvironment({ session, request, ready, hosts, secrets, cloud, reconnector });
  }

  private constructor(parts: {
    readonly session: Session;
    readonly request: ConnectRequest;
    readonly ready: () => void;
    readonly hosts: Hosts;
    readonly secrets: FoundSecrets | undefined;
    readonly cloud: Cloud | undefined;
    readonly reconnector: Reconnector;
  }) {
    const { session, request, ready, hosts, secrets, cloud, reconnector } = parts;
    this.hosts = hosts;
    this.ready = ready;
    this.#session = session;
    this.#request = request;
    this.#secrets = secrets;
    this.#cloud = cloud;
    this.#reconnector = reconnector;
    this.#resolved = request.transfer?.resolved ?? {};
    if (request.transfer !== undefined) this.transfer = request.transfer;
    this.ports = this.#openPorts();
  }

  async snapshot(reconnect?: AbortSignal): Promise<Snapshot> {
    try {
      return await this.#read(reconnect);
    } finally {
      this.ready();
    }
  }

  async facts(): Promise<Facts> {
    const { facts, problems } = await this.snapshot();
    if (problems.length > 0) throw new Blocked(problems);
    return facts;
  }

  reconnect(name: string, signal: AbortSignal): Promise<Host> {
    return this.#reconnector.connect(name, signal);
  }

  async readHost(host: Host): Promise<HostFacts> {
    const { facts, problems } = await readFacts([host], this.#factsRequest());
    const [problem] = problems;
    const known = facts.hosts[host.name];
    if (known === undefined) throw problem ?? new Error(`${host.name} has neither facts nor a problem`);
    return known;
  }

  async readSecrets(names: readonly string[]): Promise<void> {
    const { values, missing } = await this.#session.secrets.find(names, 'all');
    this.#secrets = {
      values: new Map([...(this.#secrets?.values ?? []), ...values]),
      missing: { ...this.#secrets?.missing, ...missing },
    };
  }

  close(): Promise<void> {
    return this.#reconnector.close();
  }

  async #read(reconnect: AbortSignal | undefined): Promise<Snapshot> {
    const { services, untouchedHosts = [] } = this.#request;
    const reading =
      this.#cloud === undefined ? undefined : orFailure(readTargetGroups(this.#cloud, services));
    const reached = await this.#reach(reconnect);
    const connected = reached.flatMap((host) => (host instanceof Failure ? [] : [host]));
    const { facts, problems } = await readFacts(connected, this.#factsRequest());
    this.#resolved = facts.resolved;
    const groups = await reading;
    const failures = [...reached, groups].filter((one) => one instanceof Failure);
    const all = [...failures, ...problems];
    const isUntouched = ({ host }: Failure) => host !== undefined && untouchedHosts.includes(host);
    this.#warnOf(all.filter(isUntouched));
    const configured = this.#configured(facts);
    return {
      facts: {
        ...facts,
        configured,
        ...given({
          secrets: this.#secrets === undefined ? undefined : namesOf(this.#secrets),
          groups: groups instanceof Failure ? undefined : groups,
        }),
      },
      problems: all.filter((problem) => !isUntouched(problem)),
    };
  }

  #configured({ hosts: read }: Facts): Configured {
    const { environment } = this.#session;
    const { services, hosts, instanceIds = {} } = environment;
    const wanted = [...hostNames(this.#request.services), ...(this.#request.untouchedHosts ?? [])];
    return {
      services: Object.fromEntries(services.map((service) => [service.name, hostNames([service])])),
      instances: Object.fromEntries(hosts.map(({ name }) => [name, instanceIds[name] ?? name])),
      unread: [...new Set(wanted)].filter((name) => read[name] === undefined),
      ...given({ former: this.#request.formerHosts }),
    };
  }

  #reach(reconnect: AbortSignal | undefined): Promise<readonly (Host | Failure)[]> {
    const { connected, failures } = this.hosts;
    if (reconnect === undefined) return Promise.resolve([...connected.values(), ...failures]);
    return Promise.all(
      this.#reconnector.names.map((name) => orFailure(this.#reconnector.connect(name, reconnect))),
    );
  }

  #warnOf(problems: readonly Failure[]): void {
    for (const { host = '', message } of problems.map(failureRecord)) {
      if (!this.#warned.has(host))
        this.#session.listener.warn(`skipping ${host} and its releases: ${message}`);
      this.#warned.add(host);
    }
  }

  #factsRequest(): FactsRequest {
    const { environment, context } = this.#session;
    return {
      project: environment.project,
      environment: environment.name,
      services: this.#request.services,
      secrets: this.#secrets?.values ?? new Map<string, string>(),
      onSecret: (value) => void context.redaction.add(value),
      resolves: this.#request.needs?.has('registry') === true,
      resolved: this.#resolved,
      withLogin: this.ports.withLogin,
      buildable: new Set(
        environment.services.filter(({ image }) => image.kind === 'build').map(({ name }) => name),
      ),
      unasked: new Set(this.#request.unasked),
      ...given({ builds: this.#request.builds }),
    };
  }

  #openPorts(): Ports {
    const { context, project, secrets } = this.#session;
    const transfer = this.#request.transfer;
    return {
      host: (name) => hostOf(this.hosts, name),
      cloud: () => this.#cloud ?? noCloud(),
      poll: poller(context),
      secrets: (names) => secrets.get(names),
      withLogin: registryLogins(this.#session, transfer?.login),
      probe: (request, signal) => context.adapters.probe(request, context.clock, signal),
      variables: (run) => runVariables(run, context.env),
      local: (command, onLine, signal) => runHere(context, project.folder, command, onLine, signal),
    };
  }
}

/** Connects in parallel with other work; stops waiting for hosts if that work fails. */
async function connectWith<A, B>(
  dial: Dial,
  addresses: readonly HostAddress[],
  others: readonly [A, B],
): Promise<[Hosts, Awaited<A>, Awaited<B>]> {
  const abandoned = new AbortController();
  const connecting = dial(addresses, abandoned.signal);
  try {
    return await Promise.all([connecting, ...others]);
  } catch (error) {
    abandoned.abort(new Failure('failed', 'host.left', 'the connection attempt was abandoned'));
    void connecting.then((hosts) => hosts.close());
    throw error;
  }
}

const namesOf = ({ values, missing }: FoundSecrets): SecretFacts => ({
  known: [...values.keys()],
  missing,
});

function dialOf({ context, listener }: Session): Dial {
  const { clock, home, user, env: variables } = context;
  const environment = { home, user, variables };
  const onCall: CallListener = (call) => listener.call(call);
  return (addresses, signal) => context.adapters.connect(addresses, { clock, environment, onCall, signal });
}

function noCloud(): never {
  throw new Failure('usage', 'target-group.none', 'no service of this run has a target group');
}

function hostOf({ connected }: Hosts, name: string): Host {
  const host = connected.get(name);
  if (host === undefined)
    throw new Failure('unreachable', 'host.unreachable', `${name} is not connected`, { host: name });
  return host;
}
