import type { z } from 'zod';
import { Failure } from '../domain/failure.js';
import type { AnyTask, Scope } from '../domain/task.js';
import type { RunEvent } from './events.js';
import type { Plan, Step } from './plan.js';
import type { Registry } from './ports.js';
import { referencesIn } from './reference.js';
import { stepsOf } from './walk.js';

type Started = Extract<RunEvent, { type: 'run.started' }>;

/**
 * Judges the events of a journal where they stand: whether a run of this program can have said them in this order. What it has
 * passed can be gone on with; intents, receipts and inputs are held against their tasks, as far as the tasks are known.
 */
export class JournalValidator<Facts, Ports> {
  readonly #registry: Registry<Facts, Ports>;
  #steps: ReadonlyMap<string, Step> | undefined;
  readonly #started = new Set<string>();

  constructor(registry: Registry<Facts, Ports> = new Map()) {
    this.#registry = registry;
  }

  /** What is wrong with the next event; undefined when nothing is. */
  accept(event: RunEvent): string | undefined {
    if (this.#steps === undefined)
      return event.type === 'run.started' ? this.#start(event) : 'a journal begins with the start of a run';
    if (event.type === 'run.started') return 'a run starts once';
    if (!('step' in event) || event.step === undefined) return undefined;
    const step = this.#steps.get(event.step);
    if (step === undefined) return `${event.step} is not a step of the plan`;
    return this.#step(event, step);
  }

  #start({ plan }: Started): string | undefined {
    const steps = new Map<string, Step>();
    this.#steps = steps;
    try {
      for (const step of [...stepsOf(plan.steps), ...stepsOf(plan.after)]) {
        if (steps.has(step.id)) return `the step ${step.id} is here twice`;
        const wrong = scopeError(plan, step, this.#task(step)) ?? this.#input(step, steps);
        if (wrong !== undefined) return wrong;
        steps.set(step.id, step);
      }
      return undefined;
    } catch (error) {
      if (error instanceof Failure) return error.message;
      throw error;
    }
  }

  /** What is not a reference must fit; a reference must lead to a step that comes before. */
  #input(step: Step, before: ReadonlyMap<string, Step>): string | undefined {
    const references = referencesIn(step.input);
    const unknown = references.find((from) => !before.has(from));
    if (unknown !== undefined) return `${step.id} refers to ${unknown}, which does not come before it`;
    const task = this.#task(step);
    return task === undefined || references.length > 0
      ? undefined
      : invalid(`the input of ${step.id}`, task.input, step.input);
  }

  #step(event: Exclude<RunEvent, Started>, step: Step): string | undefined {
    const task = this.#task(step);
    switch (event.type) {
      case 'step.started':
        this.#started.add(step.id);
        if (task === undefined) return undefined;
        return (
          commitError(task, event, step) ?? invalid(`the intent of ${step.id}`, task.intent, event.intent)
        );
      case 'step.skipped':
        if (task === undefined) return undefined;
        return (
          commitError(task, event, step) ?? invalid(`the receipt of ${step.id}`, task.receipt, event.receipt)
        );
      case 'step.done':
        if (!this.#started.has(step.id)) return `${step.id} is done and was never started`;
        return task && invalid(`the receipt of ${step.id}`, task.receipt, event.receipt);
      case 'undo.started':
      case 'undo.done':
      case 'undo.failed':
      case 'undo.never':
        return this.#started.has(step.id) ? undefined : `${step.id} is taken back and was never started`;
      case 'step.failed':
      case 'step.progress':
      case 'run.warning':
      case 'run.resumed':
      case 'run.committed':
      case 'run.cancelled':
      case 'run.ended':
        return undefined;
    }
  }

  /** Of another version it says nothing: that is refused when the run is resumed. */
  #task({ task: name, version }: Step): AnyTask<Facts, Ports> | undefined {
    const task = this.#registry.get(name);
    return task?.version === version ? task : undefined;
  }
}

const parts = {
  run: [],
  service: ['service'],
  instance: ['service', 'instance'],
  host: ['host'],
} as const;

/** What a step is about must be said, and be in the plan. */
function scopeError(
  { services }: Plan,
  step: Step,
  task: { readonly scope: Scope } | undefined,
): string | undefined {
  const { id, service, instance } = step;
  const missing = parts[task?.scope ?? 'run'].find((part) => step[part] === undefined);
  if (missing !== undefined) return `${id} does not say its ${missing}`;
  const known = services.find(({ name }) => name === service);
  if (service !== undefined && known === undefined)
    return `${id} is about ${service}, which is not in the plan`;
  if (instance === undefined || known?.instances.some((one) => one.id === instance)) return undefined;
  return `${id} is about ${instance}, which is not in the plan`;
}

function commitError(
  task: { readonly commits?: true },
  event: { readonly commits?: true },
  { id }: Step,
): string | undefined {
  if (task.commits === event.commits) return undefined;
  return task.commits ? `${id} commits, and does not say so` : `${id} does not commit, and says so`;
}

function invalid(what: string, schema: z.ZodType, value: unknown): string | undefined {
  const issue = schema.safeParse(value).error?.issues[0];
  return issue && `${what} cannot be: ${[issue.path.join('.'), issue.message].filter(Boolean).join(': ')}`;
}
