import type { Facts } from '../domain/facts.js';
import { Blocked, type Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import { mergeMissingSecrets } from '../domain/missing-secrets.js';
import type { Service } from '../domain/service.js';
import type { PlannedBuilds } from '../host/resolve-images.js';
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
import { formerSingletonHosts } from './former-hosts.js';
import { dependsOnCurrent, needsOf, secretsOf } from './needs.js';
import { readFactsFor } from './plan-facts.js';
import { recipeSources, shippedRecipes } from './recipe-sources.js';
import type { RunReport } from './run-report.js';
import { newRun, type Session } from './session.js';
import { readVerifiedRecipes } from './verified-recipes.js';

/** A recipe to run, and the services to run it on. */
export interface RecipeRequest {
  readonly recipe: string;
  readonly services: readonly Service[];
  /** Other hosts of these services; they are leased and read for their release logs, but not changed. */
  readonly untouchedHosts: readonly string[];
  /** Hosts not to ask whether a singleton still runs there. */
  readonly ignoredHosts?: readonly string[];
  readonly params: Readonly<Record<string, unknown>>;
  /** Returns the plan, or its commands, without changing anything. */
  readonly dryRun?: 'plan' | 'commands';
  readonly onFailure?: Plan['onFailure'];
  /** Wait for a lease that another run holds. */
  readonly wait: boolean;
  /** Images to send from this machine. */
  readonly transfer?: ImageTransfer;
  /** Images that a dry run assumes to be built first. */
  readonly builds?: PlannedBuilds;
  /** Names of services that keep their current image if the registry is down. */
  readonly unasked?: readonly string[];
  /** Asks whether to run the plan; absent if prompts are not possible. */
  readonly confirm?: (preview: Preview) => Promise<boolean>;
  /** Receives a plan that was not confirmed, just before it runs. */
  readonly onPlanned?: (preview: Preview) => void;
  readonly interrupts: OpenInterrupts;
}

/** The result of a recipe; only `ran` may have changed anything. */
export type RecipeResult =
  | { readonly kind: 'planned'; readonly plan: Plan; readonly preview: Preview }
  | { readonly kind: 'explained'; readonly plan: Plan; readonly explanation: Explanation }
  | {
      readonly kind: 'blocked';
      readonly problems: readonly Failure[];
      /** The command that avoids the problems, with its condition. */
      readonly next?: string;
    }
  | { readonly kind: 'declined' }
  | { readonly kind: 'ran'; readonly report: RunReport };

/** Plans and runs a recipe. Throws a Failure only if nothing was changed. */
export async function runRecipe(session: Session, request: RecipeRequest): Promise<RecipeResult> {
  const plan = await planOf(session, request);
  const { services, untouchedHosts, transfer, builds, unasked } = request;
  const formerHosts = await formerSingletonHosts(session, services, request.ignoredHosts ?? []);
  const needs = needsOf(plan, tasks);
  const secrets = secretsOf(plan, needs);
  const connect = {
    services,
    untouchedHosts,
    formerHosts,
    needs,
    secrets,
    ...given({ transfer, builds, unasked }),
  };
  return blockedAsResult(() =>
    withEnvironment(session, connect, async (connected): Promise<RecipeResult> => {
      if (request.dryRun === 'plan')
        return { kind: 'planned', plan, preview: await predict(connected, plan, preview) };
      if (request.dryRun === 'commands')
        return { kind: 'explained', plan, explanation: await explainPlan(session, connected, plan) };
      if (canSkipPreview(request, plan)) return runWithoutPreview(session, connected, plan, request);
      return confirmAndRun(session, connected, plan, request);
    }),
  );
}

/** Turns a thrown {@link Blocked} into a result: nothing was changed. */
export async function blockedAsResult(work: () => Promise<RecipeResult>): Promise<RecipeResult> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Blocked) return { kind: 'blocked', problems: mergeMissingSecrets(error.problems) };
    throw error;
  }
}

async function planOf(
  session: Session,
  { recipe, services, params, onFailure }: RecipeRequest,
): Promise<Plan> {
  const verified = await readVerifiedRecipes(session.context);
  const loaded = await loadRecipe(
    recipe,
    recipeSources(session.context, session.project.folder),
    tasks,
    verified,
  );
  for (const warning of await outdated(loaded, shippedRecipes(session.context)))
    session.listener.warn(warning);
  const plan = bindRecipe(loaded, { registry: tasks, services, params, run: newRun(session, recipe) });
  return onFailure === undefined ? plan : { ...plan, onFailure };
}

async function explainPlan(
  { context }: Session,
  connected: ConnectedEnvironment,
  plan: Plan,
): Promise<Explanation> {
  const cloudCommand = await context.adapters.cloudCommand();
  return predict(connected, plan, (of, facts, registry) => explain(of, facts, registry, cloudCommand));
}

/** Predicts the effects of the plan. Throws {@link Blocked} if it cannot run. */
async function predict<Prediction extends Pick<Preview, 'problems'>>(
  connected: ConnectedEnvironment,
  plan: Plan,
  predictPlan: (plan: Plan, facts: Facts, registry: typeof tasks) => Prediction,
): Promise<Prediction> {
  const predicted = predictPlan(plan, await readFactsFor(connected, plan), tasks);
  if (predicted.problems.length > 0) throw new Blocked(predicted.problems);
  return predicted;
}

/** Without a confirmed plan to compare, facts are only read once the lease is held. */
function canSkipPreview({ confirm, wait }: RecipeRequest, plan: Plan): boolean {
  return confirm === undefined && (!wait || !dependsOnCurrent(plan, tasks));
}

async function runWithoutPreview(
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

/** Confirms; asks again if the plan changed once the lease is held. Throws PlanChanged if prompts are not possible. */
async function confirmAndRun(
  session: Session,
  connected: ConnectedEnvironment,
  plan: Plan,
  { wait, interrupts, confirm }: RecipeRequest,
): Promise<RecipeResult> {
  const accept = () => wait && !dependsOnCurrent(plan, tasks);
  let predicted = await predict(connected, plan, preview);
  for (;;) {
    if (confirm !== undefined && !nothingToDo(predicted) && !(await confirm(predicted)))
      return { kind: 'declined' };
    const confirmed = predicted;
    try {
      const report = await executeRun(session, connected, { plan, wait, interrupts }, (ports) =>
        startRun({ ...ports, plan, confirmed, accept }),
      );
      return { kind: 'ran', report };
    } catch (error) {
      if (!(error instanceof PlanChanged) || confirm === undefined) throw error;
      session.listener.warn(`the hosts changed after you confirmed: ${titles(error.difference)}`);
      predicted = error.now;
    }
  }
}

const titles = (difference: Difference) => difference.map(({ title }) => title).join('; ');
