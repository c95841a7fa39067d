import type { Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import type { RunEvent } from '../run/events.js';
import type { JournaledRun } from '../run/journal.js';
import type { Plan } from '../run/plan.js';
import type { Direction, Progress } from '../run/progress.js';
import { stepsOf } from '../run/walk.js';
import {
  describeLater,
  isActivated,
  type LaterActivations,
  laterActivations,
  supersedes,
} from './superseded.js';

/** An interrupted run, and the hosts that it continues without. */
export interface ResumedRun {
  readonly events: readonly RunEvent[];
  readonly progress: Progress;
  /** Its services have no instances on the hosts that are left out. */
  readonly plan: Plan;
  readonly without: ReadonlySet<string>;
}

/** The steps that a resumed run leaves as they are. */
export interface KeptSteps {
  /** The reasons, by step. */
  readonly steps: ReadonlyMap<string, string>;
  /** The services that other runs have released since, with the reasons. */
  readonly superseded: ReadonlyMap<string, string>;
}

/** The names of the hosts of a plan. */
export function hostsOf({ services }: Plan): readonly string[] {
  return [...new Set(services.flatMap(({ instances }) => instances.map(({ host }) => host)))];
}

/** Removes the hosts from the services of a run. */
export function withoutHosts({ events, progress }: JournaledRun, names: readonly string[]): ResumedRun {
  const without = new Set(names);
  const services = progress.plan.services.map((service) => ({
    ...service,
    instances: service.instances.filter(({ host }) => !without.has(host)),
  }));
  const plan = { ...progress.plan, services };
  const narrowed = events.map((event) => (event.type === 'run.started' ? { ...event, plan } : event));
  return { events: narrowed, progress, plan, without };
}

/**
 * Returns the steps to leave as they are: those on hosts that are left out, and those of services that others have
 * released since. Throws `resume.overtaken` if the run can no longer be finished.
 */
export function keptSteps(resumed: ResumedRun, facts: Facts, direction: Direction): KeptSteps {
  const { plan, progress, without } = resumed;
  const later = laterActivations(facts, plan, progress.receipts);
  const superseded = new Map(
    [...later].flatMap(([service, lines]) => lines.slice(-1).map((line) => [service, describeLater(line)])),
  );
  if (direction === 'forward' && superseded.size > 0) requireFinishable(resumed, facts, superseded);
  const steps = [...stepsOf(plan.steps), ...stepsOf(plan.after)].flatMap((step): [string, string][] => {
    if (without.has(step.host ?? '')) return [[step.id, `${step.host} was left out`]];
    const because =
      direction === 'forward' ? superseded.get(step.service ?? '') : undoReason(later, facts, plan, step);
    return because === undefined ? [] : [[step.id, because]];
  });
  return { steps: new Map(steps), superseded };
}

function undoReason(
  later: LaterActivations,
  facts: Facts,
  plan: Plan,
  step: Parameters<typeof supersedes>[3],
): string | undefined {
  const line = supersedes(later, facts, plan, step);
  return line && describeLater(line);
}

/** The rest of a committed run can be finished, and a run whose services were all released since has no rest. */
function requireFinishable(
  { plan, progress }: ResumedRun,
  facts: Facts,
  superseded: KeptSteps['superseded'],
): void {
  const { committed, committing } = progress;
  const rest = plan.services.map(({ name }) => name).filter((name) => !superseded.has(name));
  const isCommitted = committed || (committing && isActivated(facts, plan.run.id));
  if (isCommitted || (committing && rest.length === 0)) return;
  const [because] = superseded.values();
  const hint = committing
    ? `deploy the rest again: oneclick deploy ${rest.join(' ')}`
    : `undo what nobody has changed since: oneclick resume ${plan.run.id} --revert`;
  throw new Failure('changed', 'resume.overtaken', `run ${plan.run.id} cannot be resumed: ${because}`, {
    hint,
  });
}
