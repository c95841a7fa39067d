import { nearest } from '../domain/nearest.js';
import type { Path } from '../domain/source.js';
import { inputPath, inputProblems } from './input.js';
import type { NameResolver, Names } from './names.js';
import { dimensions } from './plan-position.js';
import type { TaskStep } from './recipe.js';
import { namesFor, type ReceiptScope, type Report, type Scope } from './scope.js';
import { fits, inWords, required, type Shape, scalar, shapeAt, text } from './shape.js';
import type { TaskForm, Tasks } from './tasks.js';
import { only, placeholders, type Template, templatesIn, written } from './template.js';

/** One task step that is being checked. */
interface Checked {
  readonly step: TaskStep;
  readonly task: TaskForm;
  readonly names: Names;
  readonly scene: Scope;
  readonly shape: Shape;
}

/** Checks a task where it stands: that it may stand there, and that its inputs fit. */
export class TaskChecker {
  readonly #tasks: Tasks;
  readonly #names: NameResolver;
  readonly #report: Report;

  constructor(tasks: Tasks, names: NameResolver, report: Report) {
    this.#tasks = tasks;
    this.#names = names;
    this.#report = report;
  }

  /** Gives the receipts that later steps may refer to. */
  check(step: TaskStep, scene: Scope): ReceiptScope {
    const task = this.#tasks.get(step.task);
    if (task === undefined) {
      const suggestion = nearest(step.task, this.#tasks.keys());
      this.#report.at(scene, step.path, `there is no task "${step.task}"`, { end: step.end, suggestion });
      return scene.receipts;
    }
    this.#standing(step, task, scene);
    const names = namesFor(scene, dimensions(scene.place, task.scope));
    this.#input({ step, task, names, scene, shape: this.#names.input(task) });
    if (task.provides === undefined) return scene.receipts;
    const provided = { shape: this.#names.receipt(task), dimensions: names.dimensions };
    return new Map([...scene.receipts, [task.provides, [provided]]]);
  }

  /** Whether a task with this scope may stand here. */
  #standing(step: TaskStep, { name, scope, commits }: TaskForm, scene: Scope): void {
    const refuse = (message: string) => this.#report.at(scene, step.path, message, { end: step.end });
    if (scene.place.each && scope === 'run' && !step.repeats)
      refuse(`${name} runs once: it does not go into "each: service"`);
    else if (scene.place.rolling && scope === 'service')
      refuse(`${name} runs once for a service: it does not go into "rolling:"`);
    else if (commits && scene.noCommit !== undefined) refuse(`${name} does not go into ${scene.noCommit}`);
  }

  #input(checked: Checked): void {
    const { step, task, scene } = checked;
    const templated: Path[] = [];
    for (const { path, template } of templatesIn(step.input)) {
      templated.push(path);
      this.#template(checked, template, path, inputPath(step, path));
    }
    const defaults = this.#defaults(checked);
    templated.push(...[...templatesIn(defaults)].map(({ path }) => path));
    const input = { ...defaults, ...step.input };
    this.#report.problems.push(...inputProblems(scene.source, step, task, input, templated));
  }

  /** The defaults that this step uses. An optional one that leads nowhere is left out. */
  #defaults(checked: Checked): Record<string, unknown> {
    const { step, task, names, scene, shape } = checked;
    const used: Record<string, unknown> = {};
    const missing = new Map<string, string[]>();
    for (const [key, value] of Object.entries(task.defaults ?? {})) {
      if (key in step.input) continue;
      const fault = this.#leadsNowhere(value, names);
      if (fault !== undefined && !required(shape).includes(key)) continue;
      used[key] = value;
      if (fault !== undefined) missing.set(fault, [...(missing.get(fault) ?? []), `"${key}"`]);
      else
        for (const { path, template } of templatesIn(value, [key]))
          this.#template(checked, template, path, step.path);
    }
    for (const [fault, keys] of missing)
      this.#report.at(scene, step.path, `${task.name} needs ${keys.join(' and ')}: ${fault}`, {
        end: step.end,
      });
    return used;
  }

  #leadsNowhere(value: unknown, names: Names): string | undefined {
    for (const { template } of templatesIn(value))
      for (const placeholder of placeholders(template)) {
        const found = this.#names.resolve(placeholder, names);
        if ('fault' in found) return found.fault;
      }
    return undefined;
  }

  /** `path` is where the template stands in the input, `place` where a person finds it in the text. */
  #template({ task, names, scene, shape }: Checked, template: Template, path: Path, place: Path): void {
    const refuse = (offset: number, message: string, suggestion?: string) =>
      this.#report.within(scene, place, offset, message, suggestion);
    const wanted = shapeAt(shape, path);
    const alone = only(template) !== undefined;
    for (const { offset, message } of template.faults) refuse(offset, message);
    if (!alone && template.faults.length === 0 && wanted !== undefined && !fits(text, wanted))
      refuse(0, `${task.name} wants ${inWords(wanted)} here, and this is text`);
    for (const placeholder of placeholders(template)) {
      const { offset } = placeholder;
      const said = written(placeholder);
      const found = this.#names.resolve(placeholder, names);
      if ('fault' in found) refuse(offset, found.fault, found.suggestion);
      else if (!alone && !scalar(found.shape))
        refuse(offset, `${said} is ${inWords(found.shape)}: it cannot be part of a text`);
      else if (!alone && found.receipt)
        refuse(offset, `${said} is only known during the run: it must be the whole value`);
      else if (alone && wanted !== undefined && !fits(found.shape, wanted)) {
        const is = found.over.length > 0 ? `one for each ${found.over.join(' and ')}` : inWords(found.shape);
        refuse(offset, `${task.name} wants ${inWords(wanted)} here, and ${said} is ${is}`);
      }
    }
  }
}
