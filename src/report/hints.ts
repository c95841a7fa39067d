import { dirname, join } from 'node:path';
import { failureRecord } from '../domain/failure.js';
import { word } from '../domain/shell.js';
import type { Reporter } from './reporter.js';

/** The project file that a command reads instead of the default one. */
export interface ProjectFile {
  /** The path as given. */
  readonly path: string;
  /** Whether it was given as `--file`; a variable also applies to the next command. */
  readonly isTyped: boolean;
}

/** The commands that read the project file. */
export const projectCommands: readonly string[] = [
  ...['build', 'deploy', 'promote', 'rollback', 'run', 'plan', 'status', 'history', 'releases', 'diff'],
  ...['logs', 'exec', 'cp', 'ssh', 'prune', 'settle', 'lb', 'iam', 'restart', 'stop', 'start', 'resume'],
  ...['doctor', 'host', 'config', 'recipe', 'lease'],
];

/** The keys of texts that tell the user what to do. */
const hintKeys: readonly string[] = ['hint', 'remedy', 'next', 'because', 'never', 'reason', 'about'];

const command = new RegExp(`\\boneclick (?=(?:${projectCommands.join('|')})\\b)`, 'g');

/** Returns a hint that names the project file, and whose commands read it. */
export function hintFor(file: ProjectFile | undefined, hint: string): string {
  if (file === undefined) return hint;
  const folder = dirname(file.path);
  const named = hint
    .replace(/(?<![\w./-])oneclick\.yml\b/g, () => file.path)
    .replace(/(?<![\w./-])\.env\.[\w-]+/g, (name) => (folder === '.' ? name : join(folder, name)));
  return file.isTyped ? named.replace(command, () => `oneclick --file ${word(file.path)} `) : named;
}

/** Adapts the hints of a reporter to the project file. */
export function withHints(reporter: Reporter, file: ProjectFile | undefined): Reporter {
  if (file === undefined) return reporter;
  const adapt = <T>(value: T) => mapHints(value, (hint) => hintFor(file, hint));
  return {
    event: (event) => reporter.event(adapt(event)),
    busy: (text, options) => reporter.busy(text, options),
    call: (call) => reporter.call(call),
    note: (text) => reporter.note(text),
    warn: (text) => reporter.warn(text),
    preview: (preview) => reporter.preview(adapt(preview)),
    problems: (problems) => reporter.problems(adapt(problems)),
    failure: (card) => reporter.failure(adapt(card)),
    summary: (outcome, summary) => reporter.summary(adapt(outcome), adapt(summary)),
    result: (document, text) => reporter.result(adapt(document), text),
    screen: (document, text) => reporter.screen(adapt(document), text),
    close: () => reporter.close(),
  };
}

/** Maps every hint in a value, at any depth. */
function mapHints<T>(value: T, change: (hint: string) => string): T {
  const walk = (part: unknown, key: string): unknown => {
    if (typeof part === 'string') return hintKeys.includes(key) ? change(part) : part;
    if (Array.isArray(part)) return part.map((inner) => walk(inner, key));
    if (part instanceof Error) return walk(failureRecord(part), key);
    if (part === null || typeof part !== 'object' || part instanceof Date) return part;
    return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, walk(inner, name)]));
  };
  return walk(value, '') as T;
}
