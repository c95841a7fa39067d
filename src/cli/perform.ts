import { join } from 'node:path';
import type { Facts } from '../domain/facts.js';
import { exitCode, type Failure, failureRecord } from '../domain/failure.js';
import { releaseOf } from '../domain/labels.js';
import { Rollout, serving } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import type { RunInfo } from '../domain/task.js';
import type { Outcome, RunEvent } from '../engine/events.js';
import { FileJournal } from '../engine/journal.js';
import type { Plan } from '../engine/plan.js';
import { nothingToDo, type Preview, preview } from '../engine/preview.js';
import { startRun } from '../engine/run.js';
import { stepsOf } from '../engine/walk.js';
import { HostLeases } from '../host/lease.js';
import { bindRecipe } from '../recipe/bind.js';
import { recipeFolder } from '../recipe/folder.js';
import { loadRecipe, type RecipeSource } from '../recipe/load.js';
import type { LoadedRecipe } from '../recipe/recipe.js';
import type { Running } from '../report/card.js';
import { previewDocument } from '../report/json.js';
import { previewText } from '../report/preview.js';
import type { ServiceSummary } from '../report/summary.js';
import { mapTexts, printable } from '../report/text.js';
import { tasks } from '../tasks/registry.js';
import { listenForInterrupts } from './interrupts.js';
import { type Field, newRun, openField, runsDir, type Session } from './session.js';

/** A recipe to be carried out on some services. */
export interface Errand {
  readonly recipe: string;
  readonly services: readonly Service[];
  readonly params: Readonly<Record<string, unknown>>;
  readonly dryRun: boolean;
  readonly onFailure?: Plan['onFailure'];
  /** Wait for a lease that another run holds. */
  readonly wait: boolean;
  /** Asks the person, with the plan on the screen; resolves with whether to go on. */
  readonly confirm: (question: string) => Promise<boolean>;
}

/** How long `--wait` waits for a lease. ms */
const patience = 30 * 60_000;

/** The recipes of this project: the shipped ones, and its own in front of them. */
export function recipeSources(session: Pick<Session, 'edge' | 'project'>): readonly RecipeSource[] {
  return [
    recipeFolder(join(session.edge.packageDir, 'recipes'), 'recipes'),
    recipeFolder(join(session.project.folder, '.oneclick', 'recipes'), '.oneclick/recipes'),
  ];
}

/** Carries out a recipe from its plan to its last line, and gives the exit code. */
export async function perform(session: Session, errand: Errand): Promise<number> {
  const { reporter } = session;
  const loaded = await loadRecipe(errand.recipe, recipeSources(session), tasks);
  const plan = bind(session, loaded, errand);
  const done = reporter.busy(`looking at ${session.environment.name}`);
  const field = await openField(session, errand.services);
  try {
    const { facts, problems } = await field.look().finally(done);
    if (problems.length > 0) return refuse(session, problems);
    const seen = preview(plan, facts, tasks);
    if (seen.problems.length > 0) return refuse(session, seen.problems);
    if (errand.dryRun) return showPlan(session, seen);
    if (!nothingToDo(seen)) {
      reporter.preview(seen);
      if (!(await errand.confirm(`${plan.run.recipe} to ${session.environment.name}?`))) {
        reporter.note('nothing was changed');
        return 1;
      }
    }
    return await carryOut(session, field, plan, errand, seen);
  } finally {
    await field.close();
  }
}

function bind(session: Session, loaded: LoadedRecipe, errand: Errand): Plan {
  const run = newRun(session, errand.recipe);
  const plan = bindRecipe(loaded, { registry: tasks, services: errand.services, params: errand.params, run });
  return errand.onFailure === undefined ? plan : { ...plan, onFailure: errand.onFailure };
}

/** Every problem of every host at once; nothing was changed. */
export function refuse({ reporter }: Session, problems: readonly Failure[]): number {
  reporter.problems(problems.map(failureRecord));
  return exitCode(problems.map(({ kind }) => kind));
}

function showPlan({ reporter, environment }: Session, seen: Preview): number {
  reporter.result({ environment: environment.name, ...previewDocument(seen) }, (_, page) =>
    previewText(mapTexts(seen, printable), page),
  );
  return 0;
}

async function carryOut(
  session: Session,
  field: Field,
  plan: Plan,
  errand: Errand,
  confirmed: Preview,
): Promise<number> {
  const { edge, reporter, project } = session;
  const journal = new FileJournal(runsDir(project), plan.run.id);
  const interrupts = listenForInterrupts(edge.clock);
  const watched = new Watched(reporter.event.bind(reporter));
  const started = edge.clock.monotonic();
  try {
    const outcome = await startRun({
      plan,
      confirmed,
      accept: () => errand.wait && bringsWhatWasNamed(plan),
      registry: tasks,
      world: field.world,
      clock: edge.clock,
      journal,
      leases: leases(session, field, errand.wait),
      emit: watched.event,
      readFacts: field.facts,
      cancel: interrupts.cancel,
      abandon: interrupts.abandon,
    });
    await tell(session, field, plan, outcome, watched, edge.clock.monotonic() - started);
    return outcome.exitCode;
  } finally {
    interrupts.stop();
    await journal.close();
  }
}

/**
 * Whether what comes does not depend on what is current: who waits for another run knows that the old release will have
 * moved on, but a rollback would then bring back another one than was confirmed.
 */
function bringsWhatWasNamed(plan: Plan): boolean {
  return !stepsOf(plan.steps).some(({ task }) => task === 'release.recall');
}

/** The leases on the hosts of a field. */
export function leases({ edge, reporter }: Session, field: Field, wait: boolean): HostLeases {
  const onBusy = (failure: Failure) => reporter.note(`waits: ${failure.message}`);
  return new HostLeases(field.hosts.connected, {
    clock: edge.clock,
    random: edge.random,
    ...(wait ? { wait: { deadline: patience, onBusy } } : {}),
  });
}

/** Passes events on and remembers what the last lines need: the rollouts, and the gaps that were measured. */
export class Watched {
  readonly rollouts = new Map<string, Rollout>();
  readonly gaps = new Map<string, number>();
  readonly #next: (event: RunEvent) => void;

  constructor(next: (event: RunEvent) => void) {
    this.#next = next;
  }

  readonly event = (event: RunEvent): void => {
    this.#next(event);
    if (event.type !== 'step.done' && event.type !== 'step.skipped') return;
    const [task, service = ''] = event.step.split('/');
    if (task === 'rollout.resolve') {
      const rollout = Rollout.safeParse(event.receipt);
      if (rollout.success) this.rollouts.set(service, rollout.data);
    }
    const gap = gapOf(event.receipt);
    if (task === 'health.wait' && gap !== undefined) {
      this.gaps.set(service, Math.max(gap, this.gaps.get(service) ?? 0));
    }
  };
}

function gapOf(receipt: unknown): number | undefined {
  const held = receipt !== null && typeof receipt === 'object' && 'gap' in receipt ? receipt.gap : undefined;
  return typeof held === 'number' ? held : undefined;
}

const good: readonly Outcome['result'][] = ['done', 'unchanged'];

/** The last lines of a run: what runs now, or what went wrong and what to type next. */
export async function tell(
  session: Session,
  field: Field,
  plan: Plan,
  outcome: Outcome,
  watched: Watched,
  ms: number,
): Promise<void> {
  const { reporter, environment } = session;
  if (good.includes(outcome.result)) {
    reporter.summary(outcome, {
      recipe: plan.run.recipe,
      environment: environment.name,
      services: summaries(plan, watched),
      ms,
    });
    return;
  }
  const { facts } = await field.look();
  const resumable = outcome.result === 'stopped' || outcome.result === 'incomplete';
  const resume = `oneclick resume ${plan.run.id}${outcome.committed ? '' : `   (or --revert)`}`;
  const look = `oneclick status --env ${environment.name}`;
  reporter.failure({
    failures: outcome.failures,
    result: outcome.result,
    cancelled: outcome.cancelled,
    runs: whatRuns(facts, plan.run, plan.services),
    left: outcome.left,
    never: outcome.never,
    ...(resumable ? { next: resume } : outcome.failures[0]?.hint === undefined ? { next: look } : {}),
  });
}

function summaries(plan: Plan, watched: Watched): readonly ServiceSummary[] {
  return plan.services.flatMap(({ name, instances }) => {
    const rollout = watched.rollouts.get(name);
    if (rollout === undefined) return [];
    const gap = watched.gaps.get(name);
    const { number, reference } = rollout.release;
    const hosts = instances.length;
    return [{ service: name, release: number, reference, hosts, ...(gap === undefined ? {} : { gap }) }];
  });
}

/** What every host runs of these services, as its engine says. */
export function whatRuns(
  facts: Facts,
  run: Pick<RunInfo, 'project' | 'environment'>,
  services: readonly Service[],
): readonly Running[] {
  const asRun = { id: '', recipe: '', who: '', started: '', ...run };
  return services.flatMap(({ name, instances }) =>
    instances.map(({ host }) => {
      const known = facts.hosts[host];
      if (known === undefined) return { host, service: name, release: 'unknown', state: 'not reached' };
      const [container] = serving(known, asRun, name);
      if (container === undefined) return { host, service: name, release: 'nothing', state: 'stopped' };
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
