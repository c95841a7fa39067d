import { nextCommand } from '../app/next-command.js';
import { type RecipeRequest, type RecipeResult, runRecipe } from '../app/run-recipe.js';
import type { RunReport } from '../app/run-report.js';
import type { Session } from '../app/session.js';
import { given } from '../domain/given.js';
import { plainSshArguments } from '../host/ssh/argv.js';
import { explanationDocument, explanationText } from '../report/explain.js';
import { previewDocument } from '../report/json.js';
import { forecastLines, previewText } from '../report/preview.js';
import type { Reporter } from '../report/reporter.js';
import { mapTexts, printable } from '../report/text.js';
import type { Preview } from '../run/preview.js';
import { type CommandOutput, reportProblems } from './command-output.js';
import { listenForInterrupts } from './interrupts.js';
import type { DryRunFlags } from './options.js';

/** A recipe to run, with the prompt of its command. */
export interface RecipeCommand extends Omit<RecipeRequest, 'confirm' | 'onPlanned' | 'interrupts'> {
  /** Asks a question below the plan; absent when the command does not prompt. */
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** The `dryRun` of a recipe request. */
export function dryRunOption({ dryRun, explain }: DryRunFlags): { readonly dryRun?: 'plan' | 'commands' } {
  if (explain) return { dryRun: 'commands' };
  return dryRun ? { dryRun: 'plan' } : {};
}

/** Runs a recipe and prints its result; resolves to the exit code. */
export async function runRecipeCommand(
  { reporter }: CommandOutput,
  session: Session,
  { confirm, ...request }: RecipeCommand,
): Promise<number> {
  const ask = async (preview: Preview) => {
    reporter.preview(preview);
    return (await confirm?.(questionOf(session, request))) ?? true;
  };
  const result = await runRecipe(session, {
    ...request,
    ...(confirm === undefined ? {} : { confirm: ask }),
    onPlanned: (preview) => announce(reporter, preview),
    interrupts: () => listenForInterrupts(session.context.clock),
  });
  return showResult(reporter, session, result);
}

/** Prints the result of a recipe; returns the exit code. */
export function showResult(reporter: Reporter, session: Session, result: RecipeResult): number {
  switch (result.kind) {
    case 'planned':
      showPlan(reporter, session, result.preview);
      return 0;
    case 'explained':
      showCommands(reporter, session, result);
      return 0;
    case 'blocked': {
      const code = reportProblems(reporter, result.problems);
      if (result.next !== undefined) reporter.note(result.next);
      return code;
    }
    case 'declined':
      reporter.note('nothing was changed');
      return 1;
    case 'ran':
      showReport(reporter, session, result.report);
      return result.report.outcome.exitCode;
  }
}

/** `Deploy web and worker to production?` */
function questionOf(
  { environment }: Session,
  { recipe, services }: Pick<RecipeCommand, 'recipe' | 'services'>,
) {
  const names = services.map(({ name }) => name).join(', ');
  const verbs: Readonly<Record<string, string>> = {
    deploy: `Deploy ${names} to`,
    canary: `Deploy a canary of ${names} to`,
    promote: `Promote the canary of ${names} on`,
    rollback: `Roll back ${names} on`,
    prune: 'Remove what is no longer configured from',
    stop: `Stop ${names} on`,
    'lb-tune': `Tune the target groups of ${names} on`,
  };
  return `${verbs[recipe] ?? `Run ${recipe} on`} ${environment.name}?`;
}

/** Prints warnings and the forecast of a plan that was not shown. */
function announce(reporter: Reporter, { cautions, forecast }: Preview): void {
  for (const caution of cautions) reporter.warn(caution);
  for (const text of forecast === undefined ? [] : forecastLines(forecast)) reporter.note(text);
}

function showPlan(reporter: Reporter, { environment }: Session, preview: Preview): void {
  reporter.result({ environment: environment.name, ...previewDocument(preview) }, (_, page) =>
    previewText(mapTexts(preview, printable), page),
  );
}

function showCommands(
  reporter: Reporter,
  { environment }: Session,
  { plan, explanation }: Extract<RecipeResult, { kind: 'explained' }>,
): void {
  const sshCommands = new Map(
    environment.hosts.map((host) => [host.name, ['ssh', ...plainSshArguments(host)]]),
  );
  const { recipe } = plan.run;
  const { steps } = explanation;
  const document = explanationDocument({ environment: environment.name, recipe, steps, sshCommands });
  // Unescaped, so that commands can be copied exactly.
  reporter.result(document, (_, page) => explanationText(document, page));
}

function showReport(reporter: Reporter, { environment }: Session, report: RunReport): void {
  const { outcome, run, services, duration: ms, live, down, running: runs } = report;
  const { failures, result, cancelled, left, never } = outcome;
  if (outcome.exitCode === 0)
    reporter.summary(outcome, {
      ...{ recipe: run.recipe, environment: environment.name, services, ms },
      ...given({ live, down: down.length === 0 ? undefined : down }),
    });
  else
    reporter.failure({
      failures,
      result,
      cancelled,
      runs,
      down,
      left,
      never,
      ...given({ next: nextCommand(report) }),
    });
}
