import type { Scope } from '../domain/task.js';
import type { Recipe, RecipeStep } from './recipe.js';
import type { TaskForm, Tasks } from './tasks.js';

/** A recipe as its file stands, comments included. */
export const describe = (recipe: Recipe): string => `${recipe.source.text.trimEnd()}\n`;

/** What each task of these recipes does and how it is taken back, in the order of its first use. */
export function describeTasks(recipes: readonly Recipe[], tasks: Tasks): string {
  const names = recipes.flatMap(({ steps, after }) => [...steps, ...after].flatMap(taskNames));
  const used = [...new Set(names)].flatMap((name) => tasks.get(name) ?? []);
  return used.map(describeTask).join('');
}

const often: Readonly<Record<Scope, string>> = {
  run: 'once',
  service: 'once for each service',
  instance: 'on each instance',
  host: 'on each host',
};

function describeTask(task: TaskForm): string {
  const inputs = Object.entries(task.defaults ?? {}).map(
    ([key, value]) => `${key}: ${JSON.stringify(value)}`,
  );
  const lines = [
    `${task.name} (${often[task.scope]})`,
    `  ${task.summary}`,
    ...(inputs.length === 0 ? [] : [`  takes ${inputs.join(', ')}`]),
    ...(task.provides === undefined ? [] : [`  provides {{ ${task.provides} }}`]),
    `  ${takenBack(task.undo)}${task.commits ? '; from here on only forward' : ''}`,
  ];
  return `${lines.join('\n')}\n`;
}

function takenBack(undo: unknown): string {
  if (undo === 'nothing') return 'leaves nothing to take back';
  const never = typeof undo === 'object' && undo !== null && 'never' in undo ? undo.never : undefined;
  return never === undefined ? 'taken back when the run fails' : `never taken back: ${String(never)}`;
}

function taskNames(step: RecipeStep): readonly string[] {
  switch (step.kind) {
    case 'task':
      return [step.task];
    case 'include':
      return [];
    case 'each':
    case 'parallel':
    case 'rolling':
      return step.steps.flatMap(taskNames);
  }
}
