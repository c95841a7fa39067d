import { join } from 'node:path';
import { given } from '../config/layers.js';
import type { Facts } from '../domain/facts.js';
import { Blocked } from '../domain/failure.js';
import type { Service } from '../domain/service.js';
import type { Difference } from '../engine/difference.js';
import { type Explanation, explain } from '../engine/explain.js';
import type { Plan } from '../engine/plan.js';
import { nothingToDo, type Preview, preview } from '../engine/preview.js';
import { PlanChanged, type RunPorts, startRun } from '../engine/run.js';
import { stepsOf } from '../engine/walk.js';
import { plainSshArguments } from '../host/ssh-argv.js';
import { bindRecipe } from '../recipe/bind.js';
import { outdated } from '../recipe/eject.js';
import { recipeFolder } from '../recipe/folder.js';
import { loadRecipe, type RecipeSource } from '../recipe/load.js';
import { explanationDocument, explanationText } from '../report/explain.js';
import { previewDocument } from '../report/json.js';
import { forecastWords, previewText } from '../report/preview.js';
import { mapTexts, printable } from '../report/text.js';
import { tasks } from '../tasks/registry.js';
import type { World } from '../tasks/world.js';
import { carry } from './carry.js';
import { type Field, type FieldNeeds, openField } from './field.js';
import { newRun, type Session } from './session.js';
import type { Shipment } from './shipment.js';
import { refuse } from './speak.js';
import { vouchedRecipes } from './vouched.js';

/** A recipe to be carried out on some services. */
export interface Errand {
  readonly recipe: string;
  readonly services: readonly Service[];
  /** Hosts of these services that stay as they are: looked at, and held, for their release logs count. */
  readonly beside: readonly string[];
  readonly params: Readonly<Record<string, unknown>>;
  /** Says what would be done, as a plan or as commands, and does nothing. */
  readonly only?: 'plan' | 'commands';
  readonly onFailure?: Plan['onFailure'];
  /** Wait for a lease that another run holds. */
  readonly wait: boolean;
  /** What of the cloud it needs. */
  readonly cloud?: FieldNeeds['cloud'];
  /** Images that travel from this machine. */
  readonly shipment?: Shipment;
  /** Asks the person, with the plan on the screen, whether to go on; absent where nobody is asked. */
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** The recipes that ship with oneclick. */
export function shippedRecipes({ edge }: { edge: Pick<Session['edge'], 'packageDir'> }): RecipeSource {
  return recipeFolder(join(edge.packageDir, 'recipes'), 'recipes');
}

/** The recipes of this project: the shipped ones, and its own in front of them. */
export function recipeSources(session: Pick<Session, 'edge' | 'project'>): readonly RecipeSource[] {
  const own = recipeFolder(join(session.project.folder, '.oneclick', 'recipes'), '.oneclick/recipes');
  return [shippedRecipes(session), own];
}

/** Carries out a recipe from its plan to its last line, and gives the exit code. */
export async function perform(session: Session, errand: Errand): Promise<number> {
  const done = session.reporter.busy(`looking at ${session.environment.name}`);
  // The recipe is read while the hosts answer.
  const planning = planOf(session, errand);
  const resolves = planning.then((plan) => has(plan, 'image.resolve'));
  const { shipment, cloud } = errand;
  const known = { resolves, ...given({ shipment, cloud }) };
  const field = await openField(session, errand.services, errand.beside, known).catch((error: unknown) => {
    done();
    throw error;
  });
  try {
    const plan = await planning;
    if (errand.only === 'plan') return showPlan(session, await foresee(field, plan, preview).finally(done));
    if (errand.only === 'commands')
      return showCommands(session, plan, await foresee(field, plan, explain).finally(done));
    // Where nobody has seen a plan that could have changed, the facts are read once, under the lease.
    if (errand.confirm === undefined && (!errand.wait || bringsWhatWasNamed(plan)))
      return await carry(session, field, plan, errand.wait, (ports) =>
        startRun({ ...heard(ports, done), plan, foreseen: (seen) => foretell(session, seen) }),
      );
    return await confirmAndCarry(session, field, plan, errand, done);
  } catch (error) {
    done();
    if (error instanceof Blocked) return refuse(session.reporter, error.problems);
    throw error;
  } finally {
    done();
    await field.close();
  }
}

async function planOf(session: Session, errand: Errand): Promise<Plan> {
  const vouched = await vouchedRecipes(session.edge);
  const loaded = await loadRecipe(errand.recipe, recipeSources(session), tasks, vouched);
  for (const warning of await outdated(loaded, shippedRecipes(session))) session.reporter.warn(warning);
  const run = newRun(session, errand.recipe);
  const plan = bindRecipe(loaded, { registry: tasks, services: errand.services, params: errand.params, run });
  return errand.onFailure === undefined ? plan : { ...plan, onFailure: errand.onFailure };
}

/** The same ports; `done` is called once the run has something to say. */
export function heard(ports: RunPorts<Facts, World>, done: () => void): RunPorts<Facts, World> {
  return {
    ...ports,
    emit: (event) => {
      done();
      ports.emit(event);
    },
  };
}

/** What the plan would do, by `look`. Throws {@link Blocked} when it could not. */
async function foresee<Seen extends Pick<Preview, 'problems'>>(
  field: Field,
  plan: Plan,
  look: (plan: Plan, facts: Facts, registry: typeof tasks) => Seen,
): Promise<Seen> {
  const seen = look(plan, await field.facts(), tasks);
  if (seen.problems.length > 0) throw new Blocked(seen.problems);
  return seen;
}

/** What of a plan should be known that nobody has seen. */
function foretell({ reporter }: Session, { cautions, forecast }: Preview): void {
  for (const caution of cautions) reporter.warn(caution);
  for (const sentence of forecast === undefined ? [] : forecastWords(forecast)) reporter.note(sentence);
}

function showPlan({ reporter, environment }: Session, seen: Preview): number {
  reporter.result({ environment: environment.name, ...previewDocument(seen) }, (_, page) =>
    previewText(mapTexts(seen, printable), page),
  );
  return 0;
}

function showCommands({ reporter, environment }: Session, plan: Plan, { steps }: Explanation): number {
  const ways = new Map(environment.hosts.map((host) => [host.name, ['ssh', ...plainSshArguments(host)]]));
  const { recipe } = plan.run;
  const document = explanationDocument({ environment: environment.name, recipe, steps, ways });
  // As it is: a command that was cut or changed would be another one.
  reporter.result(document, (_, page) => explanationText(document, page));
  return 0;
}

/** Asks, and asks again when under the lease the plan is no longer the one that was confirmed; where nobody can be asked, that is a failure. */
async function confirmAndCarry(
  session: Session,
  field: Field,
  plan: Plan,
  errand: Errand,
  done: () => void,
): Promise<number> {
  const { reporter, environment } = session;
  const { confirm } = errand;
  let seen = await foresee(field, plan, preview);
  for (;;) {
    if (confirm !== undefined && !nothingToDo(seen)) {
      done();
      reporter.preview(seen);
      if (!(await confirm(`${plan.run.recipe} to ${environment.name}?`))) {
        reporter.note('nothing was changed');
        return 1;
      }
    }
    const confirmed = seen;
    const accept = () => errand.wait && bringsWhatWasNamed(plan);
    try {
      return await carry(session, field, plan, errand.wait, (ports) =>
        startRun({ ...heard(ports, done), plan, confirmed, accept }),
      );
    } catch (error) {
      if (!(error instanceof PlanChanged) || confirm === undefined) throw error;
      reporter.warn(`the servers have changed since you said yes: ${changes(error.difference)}`);
      seen = error.now;
    }
  }
}

/**
 * Whether what comes does not depend on what is current: who waits for another run knows that the old release will have
 * moved on, but a rollback would then bring back another one than was confirmed.
 */
function bringsWhatWasNamed(plan: Plan): boolean {
  return !has(plan, 'release.recall');
}

const has = (plan: Plan, task: string) => stepsOf(plan.steps).some((step) => step.task === task);

function changes(difference: Difference): string {
  return difference.map(({ title }) => title).join('; ');
}
