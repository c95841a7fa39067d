import type { Failure } from '../domain/failure.js';
import type { PlainCommand } from '../domain/plain-command.js';
import { subjectOf, taskOf } from './look.js';
import type { Plan } from './plan.js';
import type { Registry } from './ports.js';
import { Foresight, type StepPreview } from './preview.js';

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

/** Says in commands what the plan would do, from facts alone. Throws as `preview` does. */
export function explain<Facts, World>(
  plan: Plan,
  facts: Facts,
  registry: Registry<Facts, World>,
): Explanation {
  const foresight = new Foresight(plan, facts, registry, new Map());
  const { steps, problems } = foresight.seeAll();
  const commandsOf = ({ step }: StepPreview) =>
    foresight.intents.has(step.id)
      ? taskOf(registry, step).explain(foresight.intents.get(step.id), subjectOf(plan, step))
      : [];
  return { steps: steps.map((seen) => ({ ...seen, commands: commandsOf(seen) })), problems };
}
