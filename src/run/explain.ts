import type { Failure } from '../domain/failure.js';
import type { CloudCall, PlainCommand } from '../domain/plain-command.js';
import { subjectOf, taskOf } from './check-task.js';
import type { Plan } from './plan.js';
import type { Registry } from './ports.js';
import { DryRun, type StepPreview } from './preview.js';

/** A step of the dry run, with its commands. */
export interface StepExplanation extends StepPreview {
  /** None where there is nothing to do, or where that is decided later. */
  readonly commands: readonly PlainCommand[];
}

/** The dry run of a plan, with what a person would type to do the same. */
export interface Explanation {
  readonly steps: readonly StepExplanation[];
  readonly problems: readonly Failure[];
}

/**
 * Says in commands what the plan would do, from facts alone; `spell` writes a call to the cloud as a line for a shell. Throws as
 * `preview` does.
 */
export function explain<Facts, Ports>(
  plan: Plan,
  facts: Facts,
  registry: Registry<Facts, Ports>,
  formatCall: (call: CloudCall) => string,
): Explanation {
  const dryRun = new DryRun(plan, facts, registry, new Map());
  const { steps, problems } = dryRun.previewAll();
  const commandsOf = ({ step }: StepPreview): readonly PlainCommand[] =>
    dryRun.intents.has(step.id)
      ? taskOf(registry, step)
          .explain(dryRun.intents.get(step.id), subjectOf(plan, step))
          .map((command) =>
            'call' in command ? { why: command.why, line: formatCall(command.call), secrets: [] } : command,
          )
      : [];
  return { steps: steps.map((seen) => ({ ...seen, commands: commandsOf(seen) })), problems };
}
