import type { Clock } from '../domain/clock.js';
import type { Facts } from '../domain/facts.js';
import { given } from '../domain/given.js';
import { label, releaseOf } from '../domain/labels.js';
import { Rollout, serving } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { RunInfo } from '../domain/task.js';
import type { Outcome, RunEvent } from '../run/events.js';
import type { Plan } from '../run/plan.js';
import { stepsOf } from '../run/walk.js';
import type { ConnectedEnvironment } from './connect.js';

/** How a run ended, and what runs now. */
export interface RunReport {
  readonly run: RunInfo;
  readonly outcome: Outcome;
  /** ms */
  readonly duration: number;
  /** When the new release had become the current one. ms */
  readonly live?: number;
  /** The releases of a run that ended well; empty for recipes that release nothing. */
  readonly services: readonly ReleasedService[];
  /** What the hosts run after a run that went wrong, where they could be asked. */
  readonly running: readonly RunningService[];
}

/** A service that was released. */
export interface ReleasedService {
  readonly service: string;
  readonly release: number;
  /** As it was written: `api:v2`. */
  readonly reference: string;
  readonly hosts: number;
  /** How long nothing answered, where that was measured. ms */
  readonly gap?: number;
}

/** What a host runs of a service. */
export interface RunningService {
  readonly host: string;
  readonly service: string;
  /** `release 3 (api:v1)`; absent where nothing runs, or where that is not known. */
  readonly release?: string;
  /** `healthy`, `not running` … */
  readonly state: string;
}

/** Gathers what a report needs while a run goes on. */
export class ReportBuilder {
  readonly #plan: Plan;
  readonly #clock: Clock;
  readonly #started: number;
  readonly #serviceOf: ReadonlyMap<string, string | undefined>;
  readonly #rollouts = new Map<string, Rollout>();
  /** ms, by service. */
  readonly #gaps = new Map<string, number>();
  #committed: number | undefined;

  constructor(plan: Plan, clock: Clock) {
    this.#plan = plan;
    this.#clock = clock;
    this.#started = clock.monotonic();
    const steps = [...stepsOf(plan.steps), ...stepsOf(plan.after)];
    this.#serviceOf = new Map(steps.map(({ id, service }) => [id, service]));
  }

  take(event: RunEvent): void {
    if (event.type === 'run.committed') this.#committed = this.#clock.monotonic();
    this.recall(event);
  }

  /** Takes an event of the same run from before this process. */
  recall(event: RunEvent): void {
    if (event.type !== 'step.done' && event.type !== 'step.skipped') return;
    const service = this.#serviceOf.get(event.step);
    if (service === undefined) return;
    const rollout = Rollout.safeParse(event.receipt);
    if (rollout.success) this.#rollouts.set(service, rollout.data);
    const gap = gapOf(event.receipt);
    if (gap !== undefined) this.#gaps.set(service, Math.max(gap, this.#gaps.get(service) ?? 0));
  }

  /** Looks at the hosts again when the run went wrong. */
  async build(outcome: Outcome, connected: ConnectedEnvironment): Promise<RunReport> {
    const duration = this.#clock.monotonic() - this.#started;
    const isGood = outcome.result === 'done' || outcome.result === 'unchanged';
    return {
      ...{ run: this.#plan.run, outcome, duration },
      ...(this.#committed === undefined ? {} : { live: this.#committed - this.#started }),
      services: isGood ? this.#released() : [],
      running: isGood ? [] : await this.#running(connected),
    };
  }

  async #running(connected: ConnectedEnvironment): Promise<readonly RunningService[]> {
    const { facts } = await connected.snapshot();
    const { hosts } = connected;
    const isConnected = hosts.connected.size + hosts.failures.length > 0;
    return isConnected ? runningServices(facts, this.#plan) : [];
  }

  #released(): readonly ReleasedService[] {
    return this.#plan.services.flatMap(({ name, instances }) => {
      const rollout = this.#rollouts.get(name);
      if (rollout === undefined) return [];
      const gap = this.#gaps.get(name);
      const { number, reference } = rollout.release;
      const hosts = instances.length;
      return [{ service: name, release: number, reference, hosts, ...given({ gap }) }];
    });
  }
}

function gapOf(receipt: unknown): number | undefined {
  const held = receipt !== null && typeof receipt === 'object' && 'gap' in receipt ? receipt.gap : undefined;
  return typeof held === 'number' ? held : undefined;
}

function runningServices(
  facts: Facts,
  { run, services }: { readonly run: RunInfo; readonly services: readonly Service[] },
): readonly RunningService[] {
  return services.flatMap(({ name, instances }) =>
    instances.map(({ host }) => {
      const known = facts.hosts[host];
      if (known === undefined) return { host, service: name, state: 'not known' };
      const [container] = serving(known, run, name);
      if (container === undefined) return { host, service: name, state: 'not running' };
      const reference = container.labels[label.reference] ?? container.image;
      return {
        host,
        service: name,
        release: `release ${releaseOf(container) ?? 0} (${reference})`,
        state: container.health ?? container.state,
      };
    }),
  );
}
