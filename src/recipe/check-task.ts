import { nearest } from '../domain/nearest.js';
import type { Path } from '../domain/source.js';
import { type CheckContext, namesFor, type ReceiptScope, type Report } from './check-context.js';
import { inputPath, inputProblems } from './input.js';
import type { NameResolver, Names } from './names.js';
import { dimensions } from './plan-position.js';
import type { TaskStep } from './recipe.js';
import {
  describeShape,
  fitsInText,
  isAssignable,
  requiredKeys,
  type Shape,
  shapeAt,
  textShape,
} from './shape.js';
import type { TaskForm, Tasks } from './tasks.js';
import { placeholders, placeholderText, solePlaceholder, type Template, templatesIn } from './template.js';

/** A task step with the names and input shape to check it against. */
interface StepCheck {
  readonly step: TaskStep;
  readonly task: TaskForm;
  readonly names: Names;
  readonly context: CheckContext;
  readonly shape: Shape;
}

/** Checks the position and the inputs of a task step. */
export class TaskChecker {
  readonly #tasks: Tasks;
  readonly #names: NameResolver;
  readonly #report: Report;

  constructor(tasks: Tasks, names: NameResolver, report: Report) {
    this.#tasks = tasks;
    this.#names = names;
    this.#report = report;
  }

  /** Returns the receipts that later steps can use. */
  check(step: TaskStep, context: CheckContext): ReceiptScope {
    const task = this.#tasks.get(step.task);
    if (task === undefined) {
      const suggestion = nearest(step.task, this.#tasks.keys());
      this.#report.at(context, step.path, `unknown task "${step.task}"`, { end: step.end, suggestion });
      return context.receipts;
    }
    this.#checkPosition(step, task, context);
    const names = namesFor(context, dimensions(context.position, task.scope));
    this.#input({ step, task, names, context, shape: this.#names.input(task) });
    if (task.provides === undefined) return context.receipts;
    const provided = { shape: this.#names.receipt(task), dimensions: names.dimensions };
    return new Map([...context.receipts, [task.provides, [provided]]]);
  }

  /** Reports a task whose scope is not allowed here. */
  #checkPosition(step: TaskStep, { name, scope, commits }: TaskForm, context: CheckContext): void {
    const refuse = (message: string) => this.#report.at(context, step.path, message, { end: step.end });
    if (context.position.each && scope === 'run' && !step.repeats)
      refuse(`${name} runs once per run: it cannot be inside "each: service"`);
    else if (context.position.rolling && scope === 'service')
      refuse(`${name} runs once per service: it cannot be inside "rolling:"`);
    else if (commits && context.noCommit !== undefined)
      refuse(`${name} cannot be inside ${context.noCommit}`);
  }

  #input(checked: StepCheck): void {
    const { step, task, context } = checked;
    const templated: Path[] = [];
    for (const { path, template } of templatesIn(step.input)) {
      templated.push(path);
      this.#template(checked, template, path, inputPath(step, path));
    }
    const defaults = this.#defaults(checked);
    templated.push(...[...templatesIn(defaults)].map(({ path }) => path));
    const input = { ...defaults, ...step.input };
    this.#report.problems.push(...inputProblems(context.source, step, task, input, templated));
  }

  /** Returns the defaults that apply; skips optional ones that cannot be resolved. */
  #defaults(checked: StepCheck): Record<string, unknown> {
    const { step, task, names, context, shape } = checked;
    const used: Record<string, unknown> = {};
    const missing = new Map<string, string[]>();
    for (const [key, value] of Object.entries(task.defaults ?? {})) {
      if (key in step.input) continue;
      const error = this.#findError(value, names);
      if (error !== undefined && !requiredKeys(shape).includes(key)) continue;
      used[key] = value;
      if (error !== undefined) missing.set(error, [...(missing.get(error) ?? []), `"${key}"`]);
      else
        for (const { path, template } of templatesIn(value, [key]))
          this.#template(checked, template, path, step.path);
    }
    for (const [error, keys] of missing)
      this.#report.at(context, step.path, `${task.name} requires ${keys.join(' and ')}: ${error}`, {
        end: step.end,
      });
    return used;
  }

  #findError(value: unknown, names: Names): string | undefined {
    for (const { template } of templatesIn(value))
      for (const placeholder of placeholders(template)) {
        const found = this.#names.resolve(placeholder, names);
        if ('fault' in found) return found.fault;
      }
    return undefined;
  }

  /** Checks a template at `path` of the input and `position` in the file. */
  #template(
    { task, names, context, shape }: StepCheck,
    template: Template,
    path: Path,
    position: Path,
  ): void {
    const refuse = (offset: number, message: string, suggestion?: string) =>
      this.#report.within(context, position, offset, message, suggestion);
    const wanted = shapeAt(shape, path);
    const sole = solePlaceholder(template) !== undefined;
    for (const { offset, message } of template.faults) refuse(offset, message);
    if (!sole && template.faults.length === 0 && wanted !== undefined && !isAssignable(textShape, wanted))
      refuse(0, `${task.name} expects ${describeShape(wanted)} here, not text`);
    for (const placeholder of placeholders(template)) {
      const { offset } = placeholder;
      const reference = placeholderText(placeholder);
      const found = this.#names.resolve(placeholder, names);
      if ('fault' in found) refuse(offset, found.fault, found.suggestion);
      else if (!sole && !fitsInText(found.shape))
        refuse(offset, `${reference} is ${describeShape(found.shape)}: it cannot be part of a string`);
      else if (!sole && found.receipt)
        refuse(offset, `${reference} is known only during the run: it must be the whole value`);
      else if (sole && wanted !== undefined && !isAssignable(found.shape, wanted)) {
        const is =
          found.over.length > 0 ? `one for each ${found.over.join(' and ')}` : describeShape(found.shape);
        refuse(offset, `${task.name} expects ${describeShape(wanted)} here, but ${reference} is ${is}`);
      }
    }
  }
}
