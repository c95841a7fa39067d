import type { Facts } from '../domain/facts.js';
import { releaseOf } from '../domain/labels.js';
import { Rollout, serving } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { RunInfo } from '../domain/task.js';
import type { Outcome, RunEvent } from '../engine/events.js';
import type { Plan } from '../engine/plan.js';
import type { Running } from '../report/card.js';
import type { ServiceSummary } from '../report/summary.js';
import type { Field } from './field.js';
import type { Session } from './session.js';

const good: readonly Outcome['result'][] = ['done', 'unchanged'];

/** The last lines of a run: what runs now, or what went wrong and what to type next. */
export class Ending {
  readonly #session: Session;
  readonly #field: Field;
  readonly #plan: Plan;
  readonly #rollouts = new Map<string, Rollout>();
  /** ms, by service. */
  readonly #gaps = new Map<string, number>();
  /** When the new release had become the current one, on a clock that never jumps. */
  #committed: number | undefined;

  constructor(session: Session, field: Field, plan: Plan) {
    this.#session = session;
    this.#field = field;
    this.#plan = plan;
  }

  /** Remembers what the last lines need: the rollouts, the gaps that were measured, and when it was live. */
  take(event: RunEvent): void {
    if (event.type === 'run.committed') this.#committed = this.#session.edge.clock.monotonic();
    if (event.type !== 'step.done' && event.type !== 'step.skipped') return;
    const [task, service = ''] = event.step.split('/');
    if (task === 'rollout.resolve') {
      const rollout = Rollout.safeParse(event.receipt);
      if (rollout.success) this.#rollouts.set(service, rollout.data);
    }
    const gap = gapOf(event.receipt);
    if (task === 'health.wait' && gap !== undefined) {
      this.#gaps.set(service, Math.max(gap, this.#gaps.get(service) ?? 0));
    }
  }

  /** Says them; `ms` is how long the run took. Looks at the hosts again when the run went wrong. */
  async tell(outcome: Outcome, ms: number): Promise<void> {
    const { reporter, environment } = this.#session;
    const { run } = this.#plan;
    if (good.includes(outcome.result)) {
      const services = this.#summaries();
      const live = this.#liveAfter(ms);
      reporter.summary(outcome, { recipe: run.recipe, environment: environment.name, services, ms, ...live });
      return;
    }
    const { facts } = await this.#field.look();
    const { failures, result, cancelled, left, never } = outcome;
    const { hosts } = this.#field;
    const reached = hosts.connected.size + hosts.failures.length > 0;
    const runs = reached ? whatRuns(facts, run, this.#plan.services) : [];
    reporter.failure({ failures, result, cancelled, runs, left, never, ...this.#next(outcome) });
  }

  #liveAfter(ms: number): { live?: number } {
    if (this.#committed === undefined) return {};
    return { live: ms - (this.#session.edge.clock.monotonic() - this.#committed) };
  }

  #next({ result, committed, failures }: Outcome): { next?: string } {
    const { run } = this.#plan;
    if (result === 'stopped' || result === 'incomplete')
      return { next: `oneclick resume ${run.id}${committed ? '' : '   (or --revert)'}` };
    return failures[0]?.hint === undefined
      ? { next: `oneclick status --env ${this.#session.environment.name}` }
      : {};
  }

  #summaries(): readonly ServiceSummary[] {
    return this.#plan.services.flatMap(({ name, instances }) => {
      const rollout = this.#rollouts.get(name);
      if (rollout === undefined) return [];
      const gap = this.#gaps.get(name);
      const { number, reference } = rollout.release;
      const hosts = instances.length;
      return [{ service: name, release: number, reference, hosts, ...(gap === undefined ? {} : { gap }) }];
    });
  }
}

function gapOf(receipt: unknown): number | undefined {
  const held = receipt !== null && typeof receipt === 'object' && 'gap' in receipt ? receipt.gap : undefined;
  return typeof held === 'number' ? held : undefined;
}

/** What every host runs of these services, as its engine says. */
function whatRuns(facts: Facts, run: RunInfo, services: readonly Service[]): readonly Running[] {
  return services.flatMap(({ name, instances }) =>
    instances.map(({ host }) => {
      const known = facts.hosts[host];
      if (known === undefined) return { host, service: name, state: 'not known' };
      const [container] = serving(known, run, name);
      if (container === undefined) return { host, service: name, state: 'not running' };
      const reference = container.labels['oneclick.reference'] ?? container.image;
      return {
        host,
        service: name,
        release: `release ${releaseOf(container) ?? 0} (${reference})`,
        state: container.health ?? container.state,
      };
    }),
  );
}
