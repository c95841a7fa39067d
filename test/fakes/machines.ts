import { isFailed } from '../../src/domain/container.js';
import type { ContainerFacts } from '../../src/domain/facts.js';
import { Failure } from '../../src/domain/failure.js';
import { label } from '../../src/domain/labels.js';
import type { Probe, ProbeAnswer } from '../../src/host/host.js';
import type { Hosts } from '../../src/host/hosts.js';
import { MovableClock } from './clock.js';
import { FakeCloud } from './cloud.js';
import { FakeConnection } from './connection.js';
import { type Behaviour, type FakeEngine, FakeRegistry } from './engine.js';
import { FakeHost } from './host.js';
import { FakeLeaseHolders } from './lease-holder.js';

/** The in-memory hosts `host-1`, `host-2`, …, with a registry and a cloud. */
export class FakeMachines {
  readonly clock = new MovableClock();
  readonly registry = new FakeRegistry();
  readonly cloud = new FakeCloud(this.clock);
  readonly hosts: readonly FakeHost[];
  readonly leases: readonly FakeLeaseHolders[];
  /** The names of unreachable hosts. */
  readonly down = new Set<string>();
  /** All connections, oldest first. */
  readonly connections: FakeConnection[] = [];
  /** How often the cloud was opened. */
  cloudCount = 0;

  constructor(count: number) {
    this.leases = Array.from({ length: count }, () => new FakeLeaseHolders());
    this.hosts = this.leases.map(
      ({ hold }, index) =>
        new FakeHost(`host-${index + 1}`, {
          ...{ clock: this.clock, registry: this.registry, spawns: hold },
          answers: [() => ({ stdout: '' })],
        }),
    );
  }

  /** Connects like the adapter. */
  connect(names: readonly string[]): Hosts {
    const opened = names
      .filter((name) => !this.down.has(name))
      .map((name) => new FakeConnection(this.host(name)));
    this.connections.push(...opened);
    return {
      connected: new Map(opened.map((connection) => [connection.name, connection])),
      failures: names.filter((name) => this.down.has(name)).map(unreachable),
      close: async () => {
        for (const connection of opened) await connection.close();
      },
    };
  }

  /** Loses a host, as when its machine is terminated; `down.delete` brings it back as it was. */
  lose(name: string): void {
    this.down.add(name);
    for (const connection of this.connections) if (connection.name === name) connection.lose();
  }

  openCloud(): FakeCloud {
    this.cloudCount += 1;
    return this.cloud;
  }

  /** Answers probes that this machine sends. */
  probeFromHere: (probe: Probe) => Promise<ProbeAnswer> = async () => {
    throw new Failure('unhealthy', 'probe.refused', 'nothing answers this machine');
  };

  /** Makes the load balancer of a group answer on all hosts: 200 with a healthy target, else 503. */
  serveBalancer(group: string, address: string): void {
    const answer = async (requested: string) => {
      if (requested !== address) return undefined;
      return (await this.cloud.targets(group)).some(({ state }) => state === 'healthy') ? 200 : 503;
    };
    for (const host of this.hosts) host.answerFrom = answer;
  }

  push(name: string, tag: string, behaviour: Behaviour = {}): string {
    return this.registry.push(`registry.test/${name}:${tag}`, behaviour);
  }

  host(name: string): FakeHost {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  /** Running containers: host, service, release and restart policy. */
  running(): readonly string[] {
    return this.#running(label.release);
  }

  /** Running containers, with the tag instead of the release. */
  runningTags(): readonly string[] {
    return this.#running(label.reference).map((line) => line.replace(/ [^ ]*:/, ' '));
  }

  /** All containers of services, with state and restart policy, except those of {@link failed}. */
  state(): readonly string[] {
    return this.#states((container) => !isFailed(container));
  }

  /** The containers that failed runs keep for their logs. */
  failed(): readonly string[] {
    return this.#states(isFailed);
  }

  #states(included: (container: ContainerFacts) => boolean): readonly string[] {
    return this.hosts
      .flatMap(({ name: host, engine }) =>
        ofServices(engine)
          .filter(included)
          .map(({ name, state, restart }) => `${host} ${name} ${state} ${restart}`),
      )
      .sort();
  }

  #running(key: string): readonly string[] {
    return this.hosts
      .flatMap(({ name: host, engine }) =>
        ofServices(engine)
          .filter(({ state }) => state === 'running' || state === 'restarting')
          .map(({ name, labels, restart }) =>
            [host, labels[label.service] ?? name, labels[key] ?? '-', restart].join(' '),
          ),
      )
      .sort();
  }
}

const unreachable = (host: string) =>
  new Failure('unreachable', 'host.unreachable', 'nothing answers', { host });

const ofServices = (engine: FakeEngine) =>
  engine.all().filter(({ labels }) => labels[label.role] !== 'network');
