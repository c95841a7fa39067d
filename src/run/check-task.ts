import { Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import type { AnyTask, Subject, Verdict } from '../domain/task.js';
import type { Plan, Step } from './plan.js';
import type { Registry } from './ports.js';
import { stepsOf } from './walk.js';

/** Returns the task of a step. Throws a usage {@link Failure} if it is unknown or has another version. */
export function taskOf<Facts, Ports>(registry: Registry<Facts, Ports>, step: Step): AnyTask<Facts, Ports> {
  const task = registry.get(step.task);
  if (task === undefined) {
    throw new Failure('usage', 'task.unknown', `${step.id}: unknown task ${step.task}`);
  }
  if (task.version !== step.version) {
    const versions = `version ${step.version}, but this oneclick has version ${task.version}`;
    throw new Failure('usage', 'task.version', `${step.id}: the plan needs ${step.task} ${versions}`);
  }
  return task;
}

/** Throws as {@link taskOf} does if any step of the plan has no usable task. */
export function requireKnownTasks<Facts, Ports>(plan: Plan, registry: Registry<Facts, Ports>): void {
  for (const step of [...stepsOf(plan.steps), ...stepsOf(plan.after)]) taskOf(registry, step);
}

/** Returns the service, instance and host of a step. */
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

/** Runs a task's check. An invalid input blocks the step. */
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
