import type { Clock } from '../domain/clock.js';
import type { Facts } from '../domain/facts.js';
import { given } from '../domain/given.js';
import { label, releaseOf } from '../domain/labels.js';
import { Rollout, serving } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import { singletonElsewhere } from '../domain/singleton.js';
import type { RunInfo } from '../domain/task.js';
import type { Outcome, RunEvent } from '../run/events.js';
import type { Plan } from '../run/plan.js';
import { stepsOf } from '../run/walk.js';
import type { ConnectedEnvironment } from './connect.js';
import { type Downtime, DowntimeTracker } from './downtime.js';

/** The outcome of a run, and the state of its services. */
export interface RunReport {
  readonly run: RunInfo;
  readonly outcome: Outcome;
  /** ms */
  readonly duration: number;
  /** Time until the new release was current, ms. */
  readonly live?: number;
  /** The new releases; empty if the run failed or released nothing. */
  readonly services: readonly ReleasedService[];
  /** How long services did not run on hosts because of the run. */
  readonly down: readonly Downtime[];
  /** The services on the hosts after a failed run; empty if they could not be read. */
  readonly running: readonly RunningService[];
}

/** A service that was released. */
export interface ReleasedService {
  readonly service: string;
  readonly release: number;
  /** As configured: `api:v2`. */
  readonly reference: string;
  readonly hosts: number;
  /** How long the service did not respond, ms; absent if not measured. */
  readonly gap?: number;
}

/** The state of a service on a host. */
export interface RunningService {
  readonly host: string;
  readonly service: string;
  /** `release 3 (api:v1)`; absent if nothing runs or the release is unknown. */
  readonly release?: string;
  /** `healthy`, `not running` … */
  readonly state: string;
}

/** Collects the data for a report during a run. */
export class ReportBuilder {
  readonly #plan: Plan;
  readonly #clock: Clock;
  readonly #started: number;
  readonly #serviceOf: ReadonlyMap<string, string | undefined>;
  readonly #rollouts = new Map<string, Rollout>();
  readonly #downtime: DowntimeTracker;
  #committed: number | undefined;

  constructor(plan: Plan, clock: Clock) {
    this.#plan = plan;
    this.#clock = clock;
    this.#started = clock.monotonic();
    const steps = [...stepsOf(plan.steps), ...stepsOf(plan.after)];
    this.#downtime = new DowntimeTracker(steps);
    this.#serviceOf = new Map(steps.map(({ id, service }) => [id, service]));
  }

  record(event: RunEvent): void {
    if (event.type === 'run.committed') this.#committed = this.#clock.monotonic();
    this.#take(event, this.#clock.now().getTime());
  }

  /** Takes an event of this run from an earlier process. */
  replay(event: RunEvent): void {
    this.#take(event);
  }

  #take(event: RunEvent, now?: number): void {
    this.#downtime.take(event, now);
    if (event.type !== 'step.done' && event.type !== 'step.skipped') return;
    const service = this.#serviceOf.get(event.step);
    if (service === undefined) return;
    const rollout = Rollout.safeParse(event.receipt);
    if (rollout.success) this.#rollouts.set(service, rollout.data);
  }

  /** Leaves out a service that another run has released since. */
  omit(service: string): void {
    this.#rollouts.delete(service);
  }

  /** Reads the hosts again if the run failed. */
  async build(outcome: Outcome, connected: ConnectedEnvironment): Promise<RunReport> {
    const duration = this.#clock.monotonic() - this.#started;
    const succeeded = outcome.result === 'done' || outcome.result === 'unchanged';
    return {
      ...{ run: this.#plan.run, outcome, duration },
      ...(this.#committed === undefined ? {} : { live: this.#committed - this.#started }),
      services: succeeded ? this.#released() : [],
      down: this.#downtime.all(!succeeded).filter(({ service }) => !this.#isCovered(service)),
      running: succeeded ? [] : await this.#running(connected),
    };
  }

  async #running(connected: ConnectedEnvironment): Promise<readonly RunningService[]> {
    const { facts } = await connected.snapshot();
    const { hosts } = connected;
    const isConnected = hosts.connected.size + hosts.failures.length > 0;
    return isConnected ? runningServices(facts, this.#plan) : [];
  }

  /** Whether other instances serve while one is drained and replaced. */
  #isCovered(service: string): boolean {
    const { services, params } = this.#plan;
    const found = services.find(({ name }) => name === service);
    return found?.swap === 'drain' && found.instances.length > 1 && params.batch !== 'all';
  }

  #released(): readonly ReleasedService[] {
    return this.#plan.services.flatMap(({ name, instances }) => {
      const rollout = this.#rollouts.get(name);
      if (rollout === undefined) return [];
      const times = this.#downtime.all(false).flatMap(({ service, ms }) => (service === name ? [ms] : []));
      const gap = times.length === 0 ? undefined : Math.max(...times);
      const { number, reference } = rollout.release;
      const hosts = instances.length;
      return [{ service: name, release: number, reference, hosts, ...given({ gap }) }];
    });
  }
}

function runningServices(
  facts: Facts,
  { run, services }: { readonly run: RunInfo; readonly services: readonly Service[] },
): readonly RunningService[] {
  return services.flatMap((service) => {
    const { name } = service;
    return placesOf(facts, run, service).map((host) => {
      const known = facts.hosts[host];
      if (known === undefined) return { host, service: name, state: 'unknown' };
      const [container] = serving(known, run, name);
      if (container === undefined) return { host, service: name, state: 'not running' };
      const reference = container.labels[label.reference] ?? container.image;
      return {
        host,
        service: name,
        release: `release ${releaseOf(container) ?? 0} (${reference})`,
        state: container.health ?? container.state,
      };
    });
  });
}

/** Its hosts; for a singleton that runs on another host, that one. */
function placesOf(facts: Facts, run: RunInfo, service: Service): readonly string[] {
  const own = service.instances.map(({ host }) => host);
  const others = singletonElsewhere(facts, run, service).map(({ host }) => host);
  if (others.length === 0) return own;
  const running = own.filter((host) => {
    const known = facts.hosts[host];
    return known !== undefined && serving(known, run, service.name).length > 0;
  });
  return [...running, ...others];
}
