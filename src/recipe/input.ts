import type { z } from 'zod';
import type { Problem } from '../domain/problem.js';
import { issueProblems } from '../domain/schema-problems.js';
import type { Path, Source } from '../domain/source.js';
import type { TaskStep } from './recipe.js';
import type { TaskForm } from './tasks.js';

/** Returns the path of a step's input in the file. */
export const inputPath = (step: TaskStep, inner: Path): Path => [
  ...step.path,
  ...(step.command ? inner.slice(1) : inner),
];

/** Returns the problems of a task's `input`, except those of values at the paths `later`, which are not known yet. */
export function inputProblems(
  source: Source,
  step: TaskStep,
  task: TaskForm,
  input: Readonly<Record<string, unknown>>,
  later: readonly Path[],
): readonly Problem[] {
  const parsed = task.input.safeParse(input);
  if (parsed.success) return [];
  const issues = parsed.error.issues.filter((issue) => !decidedLater(issue, later));
  const problems = issueProblems(source, { schema: task.input, value: input, path: step.path }, issues);
  return problems.map((problem) => {
    const message = `${task.name}: ${problem.message}`;
    return step.command ? source.problem(step.path, message) : { ...problem, message };
  });
}

/** Whether an issue concerns an unknown value, or a structure that contains one. */
function decidedLater(issue: z.core.$ZodIssue, later: readonly Path[]): boolean {
  const whole = issue.code === 'custom' || issue.code === 'invalid_union';
  return later.some((path) => starts(issue.path, path) || (whole && starts(path, issue.path)));
}

const starts = (path: Path, start: Path) => start.every((key, index) => path[index] === key);
