import type { PlainCommand } from '../domain/plain-command.js';
import { commandLine, needsNoQuotes, quote } from '../domain/shell.js';
import type { StepExplanation } from '../run/explain.js';
import type { Page } from './style.js';
import { oneLine, printable } from './text.js';

/** What `--explain --json` prints: the steps that do something, in the order in which that can be done by hand. */
export interface ExplanationDocument {
  readonly environment: string;
  readonly recipe: string;
  /** What the shell is told before; empty where no secret is needed. */
  readonly setup: readonly string[];
  readonly steps: readonly ExplainedStep[];
}

/** A step, and what is typed for it. */
export interface ExplainedStep {
  readonly step: string;
  readonly task: string;
  readonly service: string | undefined;
  readonly instance: string | undefined;
  readonly host: string | undefined;
  readonly title: string;
  readonly after: boolean;
  /** The step by whose receipt it is decided what this one does. */
  readonly waitsFor?: string;
  readonly commands: readonly TypedCommand[];
}

/** A command as it is typed into a shell on this machine. */
export interface TypedCommand {
  readonly why: string;
  readonly host: string | undefined;
  readonly command: string;
  /** Names of secrets that it takes from the environment. */
  readonly secrets: readonly string[];
}

/** What has been explained, and how its hosts are reached: by name, the words that a command follows. */
export interface ExplanationRequest {
  readonly environment: string;
  readonly recipe: string;
  readonly steps: readonly StepExplanation[];
  readonly ways: ReadonlyMap<string, readonly string[]>;
}

/** The commands as they are typed here, of the steps that have some or whose commands nobody knows yet. */
export function explanationDocument({
  environment,
  recipe,
  steps,
  ways,
}: ExplanationRequest): ExplanationDocument {
  const explained = steps.flatMap(({ step, title, after, verdict, commands }): ExplainedStep[] => {
    const { id, task, service, instance, host } = step;
    const place = { step: id, task, service, instance, host, title, after };
    if (verdict.kind === 'unknown') return [{ ...place, waitsFor: verdict.waitsFor, commands: [] }];
    return commands.length === 0 ? [] : [{ ...place, commands: commands.map((one) => typed(one, ways)) }];
  });
  const all = explained.flatMap(({ commands }) => commands.flatMap(({ secrets }) => secrets));
  return { environment, recipe, setup: setupFor([...new Set(all)]), steps: explained };
}

/** Each command below the reason for it: what a person can paste, or hand to `sh`. */
export function explanationText(document: ExplanationDocument, { style }: Page): string {
  const { environment, recipe, setup, steps } = document;
  const note = (text: string) => style.faint(comment(text));
  if (steps.length === 0) return `${note(`${recipe} of ${environment}: nothing to do`)}\n`;
  const head = [
    note(`${recipe} of ${environment} as plain commands. Nothing was changed.`),
    note('They are equivalent, without lease and undo'),
    note('Paste them one by one, or hand all of them to sh -e'),
    ...(setup.length === 0 ? [] : ['', note('Secrets come from the environment of this shell'), ...setup]),
  ];
  const firstAfter = steps.find(({ after }) => after);
  const blocks = steps.flatMap((step) => [
    ...(step === firstAfter ? [note('Past the commit: the release stays, whatever becomes of these')] : []),
    ...(step.waitsFor === undefined
      ? []
      : [note(`not known before ${step.waitsFor} is done: ${step.title}`)]),
    ...step.commands.map(
      ({ host, why, command }) => `${note(host === undefined ? why : `${host}: ${why}`)}\n${command}`,
    ),
  ]);
  return [head.join('\n'), ...blocks].map((block) => `${block}\n`).join('\n');
}

/** A comment that does nothing in a shell which takes comments for commands, as some do where a person types. */
function comment(text: string): string {
  return `# ${oneLine(printable(text))
    .replaceAll(';', ',')
    .replace(/[^\p{L}\p{N} .,:@/+=%_-]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()}`;
}

function typed(
  { why, host, line, secrets }: PlainCommand,
  ways: ReadonlyMap<string, readonly string[]>,
): TypedCommand {
  return {
    why,
    host,
    secrets,
    command: host === undefined ? here(line) : there(line, secrets, ways.get(host) ?? []),
  };
}

/** None of the commands may read what else is pasted. */
const here = (line: string) => `${line} </dev/null`;

/** Secrets go ahead of the line, on the standard input of a shell there: no process list shows them. */
function there(line: string, secrets: readonly string[], [ssh = 'ssh', ...words]: readonly string[]): string {
  if (secrets.length === 0)
    return `${commandLine([ssh, '-n', ...words])} ${needsNoQuotes(line) ? line : quote(line)}`;
  const values = secrets.map((name) => `secret ${name}; `).join('');
  return `{ ${values}printf '%s\\n' ${quote(line)}; } | ${commandLine([ssh, ...words])} sh`;
}

/** Sees that every secret has a value, and tells how one is written as a line for another shell. */
function setupFor(secrets: readonly string[]): readonly string[] {
  if (secrets.length === 0) return [];
  const write = `sed "s/'/'\\\\\\\\''/g; 1s/^/export $1='/; \\$s/\\$/'/"`;
  return [
    ...secrets.map((name) => `: "\${${name}:?}"`),
    `secret() { eval "printf '%s\\\\n' \\"\\\${$1}\\"" | ${write}; }`,
  ];
}
