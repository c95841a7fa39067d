import type { Failure } from '../domain/failure.js';
import type { CloudCall, PlainCommand } from '../domain/plain-command.js';
import { subjectOf, taskOf } from './check-task.js';
import type { Plan } from './plan.js';
import type { Registry } from './ports.js';
import { DryRun, type StepPreview } from './preview.js';

/** A step of the dry run with its commands. */
export interface StepExplanation extends StepPreview {
  /** Empty if there is nothing to do or the step depends on earlier ones. */
  readonly commands: readonly PlainCommand[];
}

/** The dry run of a plan, with commands that do the same manually. */
export interface Explanation {
  readonly steps: readonly StepExplanation[];
  readonly problems: readonly Failure[];
}

/** Converts a plan to commands, from facts alone. `formatCall` formats a cloud call as a shell line. Throws as `preview` does. */
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
