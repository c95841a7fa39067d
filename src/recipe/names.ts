import { nearest } from '../domain/nearest.js';
import { jsonSchema, valuesAt } from '../domain/schema-problems.js';
import { Instance, Service } from '../domain/service.js';
import { type Dimension, extraDimensions } from './plan-position.js';
import type { Params } from './recipe.js';
import { fieldNames, mappingOf, paramShape, type Shape, shapeAt, shapeOf, textShape } from './shape.js';
import type { TaskForm, Tasks } from './tasks.js';
import { type Placeholder, placeholders, placeholderText, type Template } from './template.js';

/** The receipt of an earlier step: its shape, and the dimensions that the step is bound to. */
export interface Provided {
  readonly shape: Shape;
  readonly dimensions: readonly Dimension[];
}

/** The names that a placeholder can use. */
export interface Names {
  readonly params: Params;
  readonly receipts: ReadonlyMap<string, readonly Provided[]>;
  readonly dimensions: readonly Dimension[];
}

/** The shape of a placeholder's value, or why it cannot be resolved. */
export type Resolved =
  | {
      readonly shape: Shape;
      readonly receipt: boolean;
      /** The dimensions to collect over: one value for each of these. */
      readonly over: readonly Dimension[];
    }
  | { readonly fault: string; readonly suggestion?: string | undefined };

/** Names of configuration values, not available to parameters and receipts. */
export const reservedNames = ['service', 'instance', 'run'] as const;
const runFields = ['id', 'recipe', 'project', 'environment', 'who', 'commit', 'started'];

/** Resolves placeholders; caches the shapes of configuration, inputs and receipts. */
export class NameResolver {
  readonly #tasks: Tasks;
  readonly #receipts = new Map<TaskForm, Shape>();
  readonly #inputs = new Map<TaskForm, Shape>();
  readonly #service = shapeOf(Service, 'output');
  readonly #instance = shapeOf(Instance, 'output');

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  receipt(task: TaskForm): Shape {
    return cached(this.#receipts, task, () => shapeOf(task.receipt, 'output'));
  }

  input(task: TaskForm): Shape {
    return cached(this.#inputs, task, () => shapeOf(task.input, 'input'));
  }

  resolve(placeholder: Placeholder, names: Names): Resolved {
    const { name } = placeholder;
    if (name === 'service' || name === 'instance') {
      if (names.dimensions.includes(name))
        return fieldShape(placeholder, name === 'service' ? this.#service : this.#instance);
      return {
        fault: `${placeholderText(placeholder)} is not available: this step does not run per ${name}`,
      };
    }
    if (name === 'run') return runField(placeholder);
    const receipts = names.receipts.get(name);
    if (receipts !== undefined) return this.#provided(placeholder, receipts, names);
    const param = names.params.get(name);
    if (param === undefined) return this.#unknown(placeholder, names);
    if (placeholder.fields.length > 0) return { fault: `the parameter "${name}" has no fields` };
    return { shape: paramShape(param.type), receipt: false, over: [] };
  }

  /** The field must exist in every alternative. */
  #provided(placeholder: Placeholder, receipts: readonly Provided[], names: Names): Resolved {
    const all = receipts.map((provided) => {
      const found = fieldShape(placeholder, provided.shape);
      if ('fault' in found) return found;
      const over = extraDimensions(provided.dimensions, names.dimensions);
      return { shape: over.reduce(mappingOf, found.shape), receipt: true, over };
    });
    return all.find((found) => 'fault' in found) ?? all[0] ?? this.#unknown(placeholder, names);
  }

  #unknown(placeholder: Placeholder, names: Names): Resolved {
    const { name } = placeholder;
    const providers = [...this.#tasks.values()].filter((task) => task.provides === name);
    if (providers.length > 0)
      return {
        fault: `no earlier step provides "${name}": ${providers.map((task) => task.name).join(' or ')} does`,
      };
    const suggestion = nearest(name, [...names.params.keys(), ...names.receipts.keys(), ...reservedNames]);
    return { fault: `unknown name "${name}": not a parameter, receipt or configuration value`, suggestion };
  }

  /** Returns every name that a template of enumerations can produce. */
  enumerate(
    template: Template,
    names: Names,
  ): { readonly names: readonly string[] } | { readonly fault: string; readonly at: Placeholder } {
    for (const at of placeholders(template)) {
      const found = this.resolve(at, names);
      if ('fault' in found) return { fault: found.fault, at };
      if (this.#enumValues(at, names).length === 0)
        return { fault: `${placeholderText(at)} is not an enumeration`, at };
    }
    const all = template.parts.reduce<readonly string[]>(
      (starts, part) => {
        const ends = typeof part === 'string' ? [part] : this.#enumValues(part, names);
        return starts.flatMap((start) => ends.map((end) => start + end)).slice(0, 100);
      },
      [''],
    );
    return { names: all };
  }

  #enumValues({ name, fields }: Placeholder, names: Names): readonly string[] {
    if (name === 'service') return valuesAt(jsonSchema(Service), fields);
    const type = names.params.get(name)?.type;
    return typeof type === 'object' && !names.receipts.has(name) ? type : [];
  }
}

function cached(shapes: Map<TaskForm, Shape>, task: TaskForm, make: () => Shape): Shape {
  const shape = shapes.get(task) ?? make();
  shapes.set(task, shape);
  return shape;
}

function fieldShape(placeholder: Placeholder, shape: Shape): Resolved {
  let at = shape;
  for (const [index, field] of placeholder.fields.entries()) {
    const next = shapeAt(at, [field]);
    if (next === undefined) {
      const parent = [placeholder.name, ...placeholder.fields.slice(0, index)].join('.');
      const known = fieldNames(at);
      const has = known.length === 0 ? 'no fields' : `no field "${field}"`;
      return { fault: `"${parent}" has ${has}`, suggestion: nearest(field, known) };
    }
    at = next;
  }
  return { shape: at, receipt: false, over: [] };
}

function runField({ fields: [field, ...deeper] }: Placeholder): Resolved {
  if (field !== undefined && deeper.length === 0 && runFields.includes(field))
    return { shape: textShape, receipt: false, over: [] };
  const suggestion = nearest(field ?? '', runFields);
  return { fault: `"run" has only the fields ${runFields.join(', ')}`, suggestion };
}
