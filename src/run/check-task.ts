import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import type { AnyTask, Subject, Verdict } from '../domain/task.js';
import type { Plan, Step } from './plan.js';
import type { Registry } from './ports.js';
import { stepsOf } from './walk.js';

/** The task of a step. Throws a failure of kind `usage` when this program has it not, or in another version. */
export function taskOf<Facts, Ports>(registry: Registry<Facts, Ports>, step: Step): AnyTask<Facts, Ports> {
  const task = registry.get(step.task);
  if (task === undefined) {
    throw new Failure('usage', 'task.unknown', `${step.id}: there is no task ${step.task}`);
  }
  if (task.version !== step.version) {
    const versions = `version ${step.version}, and this program has version ${task.version}`;
    throw new Failure('usage', 'task.version', `${step.id}: the plan was made for ${step.task} ${versions}`);
  }
  return task;
}

/** Throws the failure of {@link taskOf} for the first step of the plan that has one. */
export function requireKnownTasks<Facts, Ports>(plan: Plan, registry: Registry<Facts, Ports>): void {
  for (const step of [...stepsOf(plan.steps), ...stepsOf(plan.after)]) taskOf(registry, step);
}

/** What a step is about. */
export function subjectOf(plan: Plan, step: Step): Subject {
  const service = plan.services.find((candidate) => candidate.name === step.service);
  const instance = service?.instances.find((candidate) => candidate.id === step.instance);
  const host = step.host ?? instance?.host;
  return {
    run: plan.run,
    step: step.id,
    services: plan.services,
    ...given({ service, instance, host }),
  };
}

/** The verdict of a task's check; an input that does not fit its schema is a problem of the step. */
export function checkTask<Facts, Ports>(
  task: AnyTask<Facts, Ports>,
  facts: Facts,
  input: unknown,
  subject: Subject,
): Verdict<Facts, unknown, unknown> {
  const parsed = task.input.safeParse(input);
  if (parsed.success) return task.check(facts, input, subject);
  const reasons = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`);
  const message = `${subject.step}: ${reasons.join('; ')}`;
  return { kind: 'blocked', problems: [new Failure('usage', 'step.input', message)] };
}
