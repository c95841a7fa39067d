import { targetReason } from '../../src/cloud/aws/target-reasons.js';
import type { Cloud } from '../../src/cloud/cloud.js';
import { refusedTargets, unknownGroups, unknownInstances } from '../../src/cloud/failures.js';
import type { Clock } from '../../src/domain/clock.js';
import type {
  CloudInstance,
  InboundRule,
  LoadBalancer,
  Target,
  TargetGroup,
  TargetGroupSettings,
  TargetHealth,
  Tuning,
} from '../../src/domain/target-group.js';
import { Faults } from './faults.js';

/** How a target answers health checks. */
type HealthAnswer = 'healthy' | 'unhealthy';

interface Registration extends Target {
  /** monotonic() time, ms. */
  readonly since: number;
  readonly leftAt?: number;
}

interface Group {
  facts: TargetGroup;
  readonly registrations: Map<string, Registration>;
}

const keyOf = ({ id, port }: Target) => `${id}:${port}`;

/** The AWS defaults, except for an interval of 5 s and a delay of 30 s. */
export const defaultSettings: TargetGroupSettings = {
  healthCheck: {
    interval: 5_000,
    timeout: 4_000,
    healthyThreshold: 2,
    unhealthyThreshold: 2,
    path: '/up',
    matcher: '200',
    port: 'traffic-port',
  },
  deregistrationDelay: 30_000,
  slowStart: 0,
  stickiness: false,
};

/** A load balancer with one listener, unless `special` differs. */
export function fakeBalancer(name: string, overrides: Partial<LoadBalancer> = {}): LoadBalancer {
  return {
    arn: `arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/${name}/0`,
    name,
    kind: 'application',
    scheme: 'internet-facing',
    state: 'active',
    address: `${name}.elb.example.com`,
    zones: ['us-east-1a', 'us-east-1b'],
    securityGroups: ['sg-balancer'],
    idleTimeout: 60_000,
    listeners: [{ protocol: 'HTTP', port: 80 }],
    ...overrides,
  };
}

/** An in-memory cloud. Targets change their health after one threshold of checks on the clock. */
export class FakeCloud implements Cloud {
  readonly faults = new Faults<Cloud>();
  readonly rules: InboundRule[] = [];
  readonly #clock: Clock;
  readonly #instances = new Map<string, CloudInstance>();
  readonly #groups = new Map<string, Group>();
  readonly #answers = new Map<string, { readonly now: HealthAnswer; readonly since: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a running instance; `name` becomes its Name tag. */
  launch(
    id: string,
    { name, ...special }: Partial<CloudInstance> & { readonly name?: string } = {},
  ): CloudInstance {
    const instance: CloudInstance = {
      id,
      state: 'running',
      privateAddress: `10.0.0.${this.#instances.size + 10}`,
      zone: 'us-east-1a',
      securityGroups: ['sg-instance'],
      ...special,
      tags: { ...(name === undefined ? {} : { Name: name }), ...special.tags },
    };
    this.#instances.set(id, instance);
    return instance;
  }

  /** Changes the state of an instance. */
  setState(id: string, state: CloudInstance['state'], reason?: string): void {
    const instance = this.#instance(id);
    this.#instances.set(id, { ...instance, state, ...(reason === undefined ? {} : { reason }) });
  }

  /** Adds a target group behind one load balancer; returns its ARN. */
  addGroup(name: string, { settings, ...special }: Partial<TargetGroup> = {}): string {
    const arn = `arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/${name}/0`;
    const facts: TargetGroup = {
      arn,
      name,
      vpc: 'vpc-1',
      protocol: 'HTTP',
      settings: { ...defaultSettings, ...settings },
      balancers: [fakeBalancer(`${name}-lb`)],
      ...special,
    };
    this.#groups.set(arn, { facts, registrations: new Map() });
    return arn;
  }

  /** All groups, in the order they were added. */
  get groups(): readonly TargetGroup[] {
    return [...this.#groups.values()].map(({ facts }) => facts);
  }

  /** Sets how the target answers health checks; targets are healthy by default. */
  answer(target: Target, now: HealthAnswer): void {
    this.#answers.set(keyOf(target), { now, since: this.#clock.monotonic() });
  }

  async instances(ids: readonly string[]): Promise<readonly CloudInstance[]> {
    await this.faults.pass('instances', ids);
    return [...this.#instances.values()].filter(({ id }) => ids.includes(id));
  }

  async instancesNamed(names: readonly string[]): Promise<readonly CloudInstance[]> {
    await this.faults.pass('instancesNamed', names);
    return [...this.#instances.values()].filter(
      ({ tags, state }) =>
        names.includes(tags.Name ?? '') && state !== 'shutting-down' && state !== 'terminated',
    );
  }

  async tag(instances: readonly string[], tags: Readonly<Record<string, string>>): Promise<void> {
    await this.faults.pass('tag', instances, tags);
    this.#retag(instances, (old) => ({ ...old, ...tags }));
  }

  async untag(instances: readonly string[], keys: readonly string[]): Promise<void> {
    await this.faults.pass('untag', instances, keys);
    this.#retag(instances, (old) =>
      Object.fromEntries(Object.entries(old).filter(([key]) => !keys.includes(key))),
    );
  }

  async targetGroups(names: readonly string[]): Promise<readonly TargetGroup[]> {
    await this.faults.pass('targetGroups', names);
    const found = names.map((wanted) =>
      this.groups.find(({ name, arn }) => name === wanted || arn === wanted),
    );
    const missing = names.filter((_, at) => found[at] === undefined);
    if (missing.length > 0) throw unknownGroups(missing, this.groups.map(({ name }) => name).sort());
    return found.flatMap((group) => group ?? []);
  }

  async targets(group: string): Promise<readonly TargetHealth[]> {
    await this.faults.pass('targets', group);
    const { facts, registrations } = this.#group(group);
    const now = this.#clock.monotonic();
    for (const [key, { leftAt, id }] of registrations) {
      const drained = leftAt !== undefined && now >= leftAt + facts.settings.deregistrationDelay;
      if (drained || this.#instances.get(id)?.state === 'terminated') registrations.delete(key);
    }
    return [...registrations.values()].map((registration) => ({
      id: registration.id,
      port: registration.port,
      ...this.#health(facts, registration),
    }));
  }

  async register(group: string, targets: readonly Target[]): Promise<void> {
    await this.faults.pass('register', group, targets);
    const { registrations } = this.#group(group);
    const bad = targets.filter(({ id }) => this.#instances.get(id)?.state !== 'running').map(({ id }) => id);
    if (bad.length > 0)
      throw refusedTargets(`not running, so not registered: ${[...new Set(bad)].join(', ')}`);
    for (const { id, port } of targets) {
      const old = registrations.get(keyOf({ id, port }));
      if (old !== undefined && old.leftAt === undefined) continue;
      registrations.set(keyOf({ id, port }), { id, port, since: this.#clock.monotonic() });
    }
  }

  async deregister(group: string, targets: readonly Target[]): Promise<void> {
    await this.faults.pass('deregister', group, targets);
    const { facts, registrations } = this.#group(group);
    for (const target of targets) {
      const old = registrations.get(keyOf(target));
      if (old === undefined || old.leftAt !== undefined) continue;
      if (facts.balancers.length === 0) registrations.delete(keyOf(target));
      else registrations.set(keyOf(target), { ...old, leftAt: this.#clock.monotonic() });
    }
  }

  async tune(group: string, { deregistrationDelay, ...check }: Tuning): Promise<void> {
    await this.faults.pass('tune', group, { deregistrationDelay, ...check });
    const tuned = this.#group(group);
    const { settings } = tuned.facts;
    tuned.facts = {
      ...tuned.facts,
      settings: {
        ...settings,
        deregistrationDelay: deregistrationDelay ?? settings.deregistrationDelay,
        healthCheck: { ...settings.healthCheck, ...check },
      },
    };
  }

  async inboundRules(securityGroups: readonly string[]): Promise<readonly InboundRule[]> {
    await this.faults.pass('inboundRules', securityGroups);
    return this.rules.filter(({ group }) => securityGroups.includes(group));
  }

  #health(group: TargetGroup, registration: Registration): Omit<TargetHealth, keyof Target> {
    const { state, zone = '' } = this.#instance(registration.id);
    if (registration.leftAt !== undefined)
      return { state: 'draining', reason: targetReason('Target.DeregistrationInProgress') };
    if (!group.balancers.some(({ zones, listeners }) => zones.includes(zone) && listeners.length > 0))
      return { state: 'unused', reason: targetReason('Target.NotInUse') };
    if (state !== 'running') return { state: 'unused', reason: targetReason('Target.InvalidState') };
    return this.#checked(group.settings.healthCheck, registration);
  }

  #checked(
    { interval, healthyThreshold, unhealthyThreshold }: TargetGroupSettings['healthCheck'],
    registration: Registration,
  ): Omit<TargetHealth, keyof Target> {
    const { now, since } = this.#answers.get(keyOf(registration)) ?? {
      now: 'healthy',
      since: Number.NEGATIVE_INFINITY,
    };
    const time = this.#clock.monotonic();
    if (time < registration.since + interval * healthyThreshold)
      return { state: 'initial', reason: targetReason('Elb.RegistrationInProgress') };
    const known = time >= since + interval * (now === 'healthy' ? healthyThreshold : unhealthyThreshold);
    if (known === (now === 'healthy')) return { state: 'healthy' };
    return {
      state: 'unhealthy',
      reason: targetReason('Target.FailedHealthChecks', 'Health checks failed with these codes: [503]'),
    };
  }

  #instance(id: string): CloudInstance {
    const instance = this.#instances.get(id);
    if (instance === undefined) throw unknownInstances(`there is no instance ${id}`);
    return instance;
  }

  #group(arn: string): Group {
    const group = this.#groups.get(arn);
    if (group === undefined) throw unknownGroups([arn], [...this.#groups.keys()]);
    return group;
  }

  #retag(ids: readonly string[], change: (tags: CloudInstance['tags']) => CloudInstance['tags']): void {
    const instances = ids.map((id) => this.#instance(id));
    for (const instance of instances)
      this.#instances.set(instance.id, { ...instance, tags: change(instance.tags) });
  }
}

/** Adds the fixtures of the contract to a cloud, and returns their names. */
export function withContractFixtures(cloud: FakeCloud) {
  cloud.launch('i-1', { name: 'web-1' });
  cloud.launch('i-2');
  cloud.launch('i-3', { state: 'stopped' });
  cloud.addGroup('web', { settings: { ...defaultSettings, deregistrationDelay: 3_000 } });
  cloud.addGroup('idle', { balancers: [] });
  const security = { group: 'sg-instance', from: 20_000, to: 20_999, source: 'sg-balancer' };
  cloud.rules.push({ ...security, protocol: 'tcp' });
  return {
    ...({ running: ['i-1', 'i-2'], name: 'web-1', ports: [20_000, 20_001], stopped: 'i-3' } as const),
    ...{ group: 'web', idle: 'idle', security },
  };
}
