import type { Scope } from '../domain/task.js';
import type { Recipe, RecipeStep } from './recipe.js';
import type { TaskForm, Tasks } from './tasks.js';

/** Returns the text of a recipe's file, with comments. */
export const describe = (recipe: Recipe): string => `${recipe.source.text.trimEnd()}\n`;

/** Describes each task of these recipes and its undo, in order of first use. */
export function describeTasks(recipes: readonly Recipe[], tasks: Tasks): string {
  const names = recipes.flatMap(({ steps, after }) => [...steps, ...after].flatMap(taskNames));
  const used = [...new Set(names)].flatMap((name) => tasks.get(name) ?? []);
  return used.map(describeTask).join('');
}

const frequency: Readonly<Record<Scope, string>> = {
  run: 'once',
  service: 'once per service',
  instance: 'on each instance',
  host: 'on each host',
};

function describeTask(task: TaskForm): string {
  const inputs = Object.entries(task.defaults ?? {}).map(
    ([key, value]) => `${key}: ${JSON.stringify(value)}`,
  );
  const lines = [
    `${task.name} (${frequency[task.scope]})`,
    `  ${task.summary}`,
    ...(inputs.length === 0 ? [] : [`  default inputs: ${inputs.join(', ')}`]),
    ...(task.provides === undefined ? [] : [`  provides {{ ${task.provides} }}`]),
    `  ${undoText(task.undo)}${task.commits ? '; no automatic rollback from here' : ''}`,
  ];
  return `${lines.join('\n')}\n`;
}

function undoText(undo: unknown): string {
  if (undo === 'nothing') return 'nothing to undo';
  const never = typeof undo === 'object' && undo !== null && 'never' in undo ? undo.never : undefined;
  return never === undefined ? 'undone if the run fails' : `never undone: ${String(never)}`;
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
