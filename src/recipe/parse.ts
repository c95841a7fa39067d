import { z } from 'zod';
import { given } from '../domain/given.js';
import { nearest } from '../domain/nearest.js';
import type { Problem } from '../domain/problem.js';
import { displayed, match, valueAt } from '../domain/schema-problems.js';
import type { End, Path, Source } from '../domain/source.js';
import { parseBatch } from './batch.js';
import type { Param, Recipe, RecipeStep, TaskStep } from './recipe.js';

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const ParamForm = z.union([
  scalar,
  z.strictObject({
    type: z.union([z.enum(['string', 'number', 'boolean']), z.array(z.string()).min(1)]),
    default: scalar.optional(),
    description: z.string().optional(),
  }),
]);

/** The schema of a recipe without its steps. */
export const RecipeFrame = z.strictObject({
  summary: z.string(),
  holds: z.enum(['hosts']).optional(),
  'on-failure': z.enum(['revert', 'stop']).default('revert'),
  params: z
    .record(
      z
        .string()
        .regex(
          /^[a-z][\w-]*$/,
          'must start with a lowercase letter and contain letters, digits, dashes or underscores',
        ),
      ParamForm,
    )
    .default({}),
  steps: z.array(z.unknown()),
  after: z.array(z.unknown()).optional(),
});

/** Parses a recipe and collects syntax problems; tasks, names and types are checked later. */
export function parseRecipe(
  name: string,
  source: Source,
): { readonly recipe: Recipe; readonly problems: readonly Problem[] } {
  const parser = new StepParser(source);
  const base = {
    name,
    source,
    summary: '',
    holds: undefined,
    onFailure: 'revert',
    params: new Map(),
  } as const;
  if (Array.isArray(source.value)) {
    const steps = parser.steps(source.value, []);
    return {
      recipe: { ...base, partial: true, steps, after: [] },
      problems: [...source.problems, ...parser.problems],
    };
  }
  const frame = match(source, RecipeFrame);
  if ('problems' in frame) parser.problems.push(...frame.problems);
  const written = 'value' in frame ? frame.value : findSteps(source.value);
  const steps = written.steps === undefined ? [] : parser.steps(written.steps, ['steps']);
  const after = written.after === undefined ? [] : parser.steps(written.after, ['after']);
  const header =
    'value' in frame
      ? {
          summary: frame.value.summary,
          holds: frame.value.holds,
          onFailure: frame.value['on-failure'],
          params: parser.params(frame.value.params),
        }
      : {};
  const recipe: Recipe = { ...base, ...header, partial: false, steps, after };
  return { recipe, problems: [...source.problems, ...parser.problems] };
}

/** Returns the steps of an invalid recipe, so that their problems are reported too. */
function findSteps(value: unknown): { readonly steps: unknown; readonly after: unknown } {
  const list = (key: string) => [valueAt(value, [key])].find(Array.isArray);
  return { steps: list('steps'), after: list('after') };
}

/** The keys of a step that are not task names. */
export const constructs = ['run', 'remote', 'recipe', 'each', 'parallel', 'rolling'] as const;
type Construct = (typeof constructs)[number];
const isConstruct = (key: string): key is Construct => constructs.some((construct) => construct === key);
/** The tasks that `run:` and `remote:` stand for. */
export const shellTasks = { run: 'shell.local', remote: 'shell.remote' } as const;

type Mapping = Readonly<Record<string, unknown>>;
const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

class StepParser {
  readonly problems: Problem[] = [];
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  #report(
    path: Path,
    message: string,
    options: { end?: End; suggestion?: string | undefined } = {},
  ): undefined {
    const { end = 'value', suggestion } = options;
    this.problems.push(
      this.#source.problem(path, message, suggestion === undefined ? { end } : { end, suggestion }),
    );
  }

  params(forms: Readonly<Record<string, z.infer<typeof ParamForm>>>): Map<string, Param> {
    const params = new Map<string, Param>();
    for (const [name, form] of Object.entries(forms)) {
      const param: Param =
        typeof form === 'object' ? withoutUndefined(form) : { type: typeOf(form), default: form };
      const { default: value, type } = param;
      if (
        value !== undefined &&
        !(typeof type === 'string' ? typeOf(value) === type : type.includes(String(value)))
      )
        this.#report(
          ['params', name, 'default'],
          `must be ${typeof type === 'string' ? `a ${type}` : `one of ${type.join(', ')}`}, not ${displayed(value)}`,
        );
      params.set(name, param);
    }
    return params;
  }

  steps(value: unknown, path: Path): readonly RecipeStep[] {
    if (!Array.isArray(value)) {
      this.#report(path, `must be a list of steps, not ${displayed(value)}`);
      return [];
    }
    if (value.length === 0) this.#report(path, 'must have at least one step');
    return value.flatMap((item: unknown, index) => this.#step(item, [...path, index]) ?? []);
  }

  #step(value: unknown, path: Path): RecipeStep | undefined {
    if (typeof value === 'string') return this.#taskByName(value, path);
    if (!isMapping(value)) return this.#report(path, `must be a step, not ${displayed(value)}`);
    const keys = Object.keys(value);
    const construct = keys.find(isConstruct);
    if (construct !== undefined) return this.#construct(construct, value, path);
    const [key, ...others] = keys;
    if (key === undefined) return this.#report(path, 'the step is empty');
    if (others.length > 0)
      return this.#report(
        [...path, ...others.slice(0, 1)],
        `a step has one task: is "- " missing before "${others[0]}"?`,
        { end: 'key' },
      );
    return this.#task(key, value[key], [...path, key]);
  }

  #taskByName(name: string, path: Path): TaskStep | undefined {
    if (isConstruct(name)) return this.#report(path, `"${name}:" requires a value`);
    if (/\s/.test(name.trim())) return this.#report(path, 'not a task; write a command as `- run: command`');
    return { kind: 'task', task: name, input: {}, path, end: 'value', command: false, repeats: false };
  }

  #task(task: string, input: unknown, path: Path): TaskStep | undefined {
    if (input !== null && !isMapping(input))
      return this.#report(path, `${task} expects a mapping of inputs, not ${displayed(input)}`);
    return { kind: 'task', task, input: input ?? {}, path, end: 'key', command: false, repeats: false };
  }

  #construct(key: Construct, step: Mapping, path: Path): RecipeStep | undefined {
    const nested = key === 'each' || key === 'rolling';
    const others = Object.keys(step).filter((other) => other !== key && !(nested && other === 'steps'));
    for (const other of others)
      this.#report([...path, other], `"${other}" cannot be combined with "${key}:"`, {
        end: 'key',
        suggestion: nested ? nearest(other, ['steps']) : undefined,
      });
    const value = step[key];
    const here = [...path, key];
    const steps = () => {
      if ('steps' in step) return this.steps(step.steps, [...path, 'steps']);
      if (others.length === 0) this.#report(here, `"${key}:" requires "steps:"`, { end: 'key' });
      return [];
    };
    switch (key) {
      case 'run':
      case 'remote':
        return this.#shell(key, value, here);
      case 'recipe':
        if (typeof value !== 'string')
          return this.#report(here, `must be the name of a recipe, not ${displayed(value)}`);
        return { kind: 'include', name: value, path: here };
      case 'each':
        if (value !== 'service') this.#report(here, `must be "service", not ${displayed(value)}`);
        return { kind: 'each', steps: steps(), path: here };
      case 'parallel':
        return { kind: 'parallel', steps: this.steps(value, here), path: here };
      case 'rolling':
        return { kind: 'rolling', batch: this.#batch(value, here), steps: steps(), path: here };
    }
  }

  #shell(key: 'run' | 'remote', value: unknown, path: Path): TaskStep | undefined {
    if (value === null || value === '')
      return this.#report(path, `"${key}:" requires a command`, { end: 'key' });
    const common = { kind: 'task', task: shellTasks[key], path, end: 'key', repeats: key === 'run' } as const;
    return isMapping(value)
      ? { ...common, input: value, command: false }
      : { ...common, input: { command: value }, command: true };
  }

  #batch(value: unknown, path: Path): string | number {
    const batch = isMapping(value) ? value.batch : undefined;
    if (isMapping(value))
      for (const key of Object.keys(value))
        if (key !== 'batch')
          this.#report([...path, key], `unknown key "${key}"`, {
            end: 'key',
            suggestion: nearest(key, ['batch']),
          });
    const template = typeof batch === 'string' && batch.includes('{{');
    if (
      (typeof batch === 'string' || typeof batch === 'number') &&
      (template || parseBatch(batch) !== undefined)
    )
      return batch;
    this.#report(
      batch === undefined ? path : [...path, 'batch'],
      batch === undefined
        ? '"rolling:" requires a batch, such as { batch: 25% }'
        : `must be a batch, such as 1, 25% or all, not ${displayed(batch)}`,
      { end: batch === undefined ? 'key' : 'value' },
    );
    return 1;
  }
}

const typeOf = (value: string | number | boolean) => typeof value as 'string' | 'number' | 'boolean';

const withoutUndefined = (form: {
  type: Param['type'];
  default?: Param['default'] | undefined;
  description?: string | undefined;
}): Param => ({
  type: form.type,
  ...given({ default: form.default, description: form.description }),
});
