import type { Facts } from '../domain/facts.js';
import { Blocked, type Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import type { Service } from '../domain/service.js';
import { bindRecipe } from '../recipe/bind.js';
import { outdated } from '../recipe/eject.js';
import { loadRecipe } from '../recipe/load.js';
import type { Difference } from '../run/difference.js';
import { type Explanation, explain } from '../run/explain.js';
import type { Plan } from '../run/plan.js';
import { nothingToDo, type Preview, preview } from '../run/preview.js';
import { PlanChanged, startRun } from '../run/run.js';
import { tasks } from '../tasks/registry.js';
import type { ImageTransfer } from './build/transfer.js';
import { type ConnectedEnvironment, withEnvironment } from './connect.js';
import { executeRun, type OpenInterrupts } from './execute-run.js';
import { dependsOnCurrent, needsOf } from './needs.js';
import { recipeSources, shippedRecipes } from './recipe-sources.js';
import type { RunReport } from './run-report.js';
import { newRun, type Session } from './session.js';
import { readVerifiedRecipes } from './verified-recipes.js';

/** A recipe to run on some services. */
export interface RecipeRequest {
  readonly recipe: string;
  readonly services: readonly Service[];
  /** Other hosts of these services: read and held, for their release logs count, but not changed. */
  readonly untouchedHosts: readonly string[];
  readonly params: Readonly<Record<string, unknown>>;
  /** Stops before anything changes, and answers with the plan, or with it as commands. */
  readonly dryRun?: 'plan' | 'commands';
  readonly onFailure?: Plan['onFailure'];
  /** Wait for a lease that another run holds. */
  readonly wait: boolean;
  /** Images that travel from this machine. */
  readonly transfer?: ImageTransfer;
  /** Asks whether to run this plan; absent where nobody is asked. */
  readonly confirm?: (preview: Preview) => Promise<boolean>;
  /** Hears of a plan that nobody was asked about, just before it runs. */
  readonly onPlanned?: (preview: Preview) => void;
  readonly interrupts: OpenInterrupts;
}

/** How a recipe ended; only `ran` may have changed anything. */
export type RecipeResult =
  | { readonly kind: 'planned'; readonly plan: Plan; readonly preview: Preview }
  | { readonly kind: 'explained'; readonly plan: Plan; readonly explanation: Explanation }
  | { readonly kind: 'blocked'; readonly problems: readonly Failure[] }
  | { readonly kind: 'declined' }
  | { readonly kind: 'ran'; readonly report: RunReport };

/** Runs a recipe from its plan to its report. Throws a Failure only while nothing has been changed. */
export async function runRecipe(session: Session, request: RecipeRequest): Promise<RecipeResult> {
  const plan = await planOf(session, request);
  const { services, untouchedHosts, transfer } = request;
  const connect = { services, untouchedHosts, needs: needsOf(plan, tasks), ...given({ transfer }) };
  return blockedAsResult(() =>
    withEnvironment(session, connect, async (connected): Promise<RecipeResult> => {
      if (request.dryRun === 'plan')
        return { kind: 'planned', plan, preview: await predict(connected, plan, preview) };
      if (request.dryRun === 'commands')
        return { kind: 'explained', plan, explanation: await explained(session, connected, plan) };
      if (needsNoLook(request, plan)) return runUnseen(session, connected, plan, request);
      return confirmAndRun(session, connected, plan, request);
    }),
  );
}

/** Problems that were found before anything changed are a result, not an error. */
export async function blockedAsResult(work: () => Promise<RecipeResult>): Promise<RecipeResult> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Blocked) return { kind: 'blocked', problems: error.problems };
    throw error;
  }
}

async function planOf(
  session: Session,
  { recipe, services, params, onFailure }: RecipeRequest,
): Promise<Plan> {
  const verified = await readVerifiedRecipes(session.context);
  const loaded = await loadRecipe(recipe, recipeSources(session), tasks, verified);
  for (const warning of await outdated(loaded, shippedRecipes(session.context)))
    session.listener.warn(warning);
  const plan = bindRecipe(loaded, { registry: tasks, services, params, run: newRun(session, recipe) });
  return onFailure === undefined ? plan : { ...plan, onFailure };
}

async function explained(
  { context }: Session,
  connected: ConnectedEnvironment,
  plan: Plan,
): Promise<Explanation> {
  const cloudCommand = await context.adapters.cloudCommand();
  return predict(connected, plan, (of, facts, registry) => explain(of, facts, registry, cloudCommand));
}

/** Predicts what the plan would do. Throws {@link Blocked} when it could not run. */
async function predict<Seen extends Pick<Preview, 'problems'>>(
  connected: ConnectedEnvironment,
  plan: Plan,
  look: (plan: Plan, facts: Facts, registry: typeof tasks) => Seen,
): Promise<Seen> {
  const seen = look(plan, await connected.facts(), tasks);
  if (seen.problems.length > 0) throw new Blocked(seen.problems);
  return seen;
}

/** Where no confirmed plan can change under the wait, facts are read once, under the lease. */
function needsNoLook({ confirm, wait }: RecipeRequest, plan: Plan): boolean {
  return confirm === undefined && (!wait || !dependsOnCurrent(plan, tasks));
}

async function runUnseen(
  session: Session,
  connected: ConnectedEnvironment,
  plan: Plan,
  { wait, interrupts, onPlanned }: RecipeRequest,
): Promise<RecipeResult> {
  const report = await executeRun(session, connected, { plan, wait, interrupts }, (ports) =>
    startRun({ ...ports, plan, ...given({ onPlanned }) }),
  );
  return { kind: 'ran', report };
}

/** Confirms; asks again if the plan changed once the lease is held. Without anybody to ask, that is a failure. */
async function confirmAndRun(
  session: Session,
  connected: ConnectedEnvironment,
  plan: Plan,
  { wait, interrupts, confirm }: RecipeRequest,
): Promise<RecipeResult> {
  const accept = () => wait && !dependsOnCurrent(plan, tasks);
  let seen = await predict(connected, plan, preview);
  for (;;) {
    if (confirm !== undefined && !nothingToDo(seen) && !(await confirm(seen))) return { kind: 'declined' };
    const confirmed = seen;
    try {
      const report = await executeRun(session, connected, { plan, wait, interrupts }, (ports) =>
        startRun({ ...ports, plan, confirmed, accept }),
      );
      return { kind: 'ran', report };
    } catch (error) {
      if (!(error instanceof PlanChanged) || confirm === undefined) throw error;
      session.listener.warn(`the servers have changed since you said yes: ${titles(error.difference)}`);
      seen = error.now;
    }
  }
}

const titles = (difference: Difference) => difference.map(({ title }) => title).join('; ');
