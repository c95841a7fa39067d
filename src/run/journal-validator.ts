import type { z } from 'zod';
import { Failure } from '../domain/failure.js';
import type { AnyTask, Scope } from '../domain/task.js';
import { unknownKeys } from '../domain/unknown-keys.js';
import type { RunEvent } from './events.js';
import type { Plan, Step } from './plan.js';
import type { Registry } from './ports.js';
import { referencesIn } from './reference.js';
import { newerKeys } from './resume.js';
import { stepsOf } from './walk.js';

type Started = Extract<RunEvent, { type: 'run.started' }>;

/**
 * Validates the events of a journal in order, so that the run can be resumed safely. Checks inputs, intents and receipts against the
 * schemas of known tasks.
 */
export class JournalValidator<Facts, Ports> {
  readonly #registry: Registry<Facts, Ports>;
  #steps: ReadonlyMap<string, Step> | undefined;
  readonly #started = new Set<string>();

  constructor(registry: Registry<Facts, Ports> = new Map()) {
    this.#registry = registry;
  }

  /**
   * Returns the problem with the next event, or undefined. It is a usage {@link Failure} `resume.version` if a newer oneclick wrote keys
   * that this one would lose.
   */
  accept(event: RunEvent): string | Failure | undefined {
    if (this.#steps === undefined)
      return event.type === 'run.started' ? this.#start(event) : 'the first event must be run.started';
    if (event.type === 'run.started') return 'run.started appears twice';
    if (!('step' in event) || event.step === undefined) return undefined;
    const step = this.#steps.get(event.step);
    if (step === undefined) return `${event.step} is not a step in the plan`;
    return this.#step(event, step);
  }

  #start({ plan }: Started): string | Failure | undefined {
    const steps = new Map<string, Step>();
    this.#steps = steps;
    try {
      for (const step of [...stepsOf(plan.steps), ...stepsOf(plan.after)]) {
        if (steps.has(step.id)) return `duplicate step ${step.id}`;
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

  /** References must lead to earlier steps. Inputs without references must match the schema. */
  #input(step: Step, before: ReadonlyMap<string, Step>): string | Failure | undefined {
    const references = referencesIn(step.input);
    const unknown = references.find((from) => !before.has(from));
    if (unknown !== undefined) return `${step.id} refers to ${unknown}, which is not an earlier step`;
    const task = this.#task(step);
    return task === undefined || references.length > 0
      ? undefined
      : invalid(`input of ${step.id}`, task.input, step.input);
  }

  #step(event: Exclude<RunEvent, Started>, step: Step): string | Failure | undefined {
    const task = this.#task(step);
    switch (event.type) {
      case 'step.started':
        this.#started.add(step.id);
        if (task === undefined) return undefined;
        return commitError(task, event, step) ?? invalid(`intent of ${step.id}`, task.intent, event.intent);
      case 'step.skipped':
        if (task === undefined) return undefined;
        return (
          commitError(task, event, step) ?? invalid(`receipt of ${step.id}`, task.receipt, event.receipt)
        );
      case 'step.done':
        if (!this.#started.has(step.id)) return `${step.id} is done but never started`;
        return task && invalid(`receipt of ${step.id}`, task.receipt, event.receipt);
      case 'undo.started':
      case 'undo.done':
      case 'undo.failed':
      case 'undo.never':
        return this.#started.has(step.id) ? undefined : `${step.id} is undone but never started`;
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

  /** Other versions are not checked here: resume rejects them. */
  #task({ task: name, version }: Step): AnyTask<Facts, Ports> | undefined {
    const task = this.#registry.get(name);
    return task?.version === version ? task : undefined;
  }
}

const parts = { run: [], service: ['service'], instance: ['service', 'instance'], host: ['host'] } as const;

/** A step must have the parts of its task's scope, and they must be in the plan. */
function scopeError(
  { services }: Plan,
  step: Step,
  task: { readonly scope: Scope } | undefined,
): string | undefined {
  const { id, service, instance } = step;
  const missing = parts[task?.scope ?? 'run'].find((part) => step[part] === undefined);
  if (missing !== undefined) return `${id} has no ${missing}`;
  const known = services.find(({ name }) => name === service);
  if (service !== undefined && known === undefined)
    return `${id} refers to ${service}, which is not in the plan`;
  if (instance === undefined || known?.instances.some((one) => one.id === instance)) return undefined;
  return `${id} refers to ${instance}, which is not in the plan`;
}

function commitError(
  task: { readonly commits?: true },
  event: { readonly commits?: true },
  { id }: Step,
): string | undefined {
  if (task.commits === event.commits) return undefined;
  return task.commits ? `${id} commits but is not marked so` : `${id} is marked to commit but does not`;
}

function invalid(what: string, schema: z.ZodType, value: unknown): string | Failure | undefined {
  const issues = schema.safeParse(value).error?.issues ?? [];
  const issue = issues.find(({ code }) => code !== 'unrecognized_keys');
  if (issue !== undefined)
    return `invalid ${what}: ${[issue.path.join('.'), issue.message].filter(Boolean).join(': ')}`;
  return issues.length === 0 ? undefined : newerKeys(what, unknownKeys(schema, value));
}
