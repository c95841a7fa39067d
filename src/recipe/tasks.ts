import type { AnyTask } from '../domain/task.js';

/** The properties of a task that recipes use. */
export type TaskForm = Pick<
  AnyTask<never, never>,
  | 'name'
  | 'version'
  | 'scope'
  | 'summary'
  | 'provides'
  | 'input'
  | 'receipt'
  | 'defaults'
  | 'commits'
  | 'appliesTo'
> & { readonly undo: unknown };

export type Tasks = ReadonlyMap<string, TaskForm>;
