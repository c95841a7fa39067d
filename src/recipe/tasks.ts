import type { AnyTask } from '../domain/task.js';

/** What recipes need to know of a task: its name, its inputs, what it gives. Any registry will do. */
export type TaskForm = Pick<
  AnyTask<never, never>,
  'name' | 'version' | 'scope' | 'summary' | 'provides' | 'input' | 'receipt' | 'defaults' | 'commits'
> & { readonly undo: unknown };

export type Tasks = ReadonlyMap<string, TaskForm>;
