import type { PlainCommand } from '../domain/plain-command.js';
import { commandLine, needsNoQuotes, quote } from '../domain/shell.js';
import type { StepExplanation } from '../run/explain.js';
import type { Page } from './style.js';
import { oneLine, printable } from './text.js';

/** The output of `--explain --json`: the steps with commands, in an order in which they can be run manually. */
export interface ExplanationDocument {
  readonly environment: string;
  readonly recipe: string;
  /** Shell lines to run first; empty if no secrets are needed. */
  readonly setup: readonly string[];
  readonly steps: readonly ExplainedStep[];
}

/** A step and its shell commands. */
export interface ExplainedStep {
  readonly step: string;
  readonly task: string;
  readonly service: string | undefined;
  readonly instance: string | undefined;
  readonly host: string | undefined;
  readonly title: string;
  readonly after: boolean;
  /** The step that decides the commands of this one. */
  readonly waitsFor?: string;
  readonly commands: readonly ShellCommand[];
}

/** A command for a shell on this machine. */
export interface ShellCommand {
  readonly why: string;
  readonly host: string | undefined;
  readonly command: string;
  /** Names of the secrets that it reads from the environment. */
  readonly secrets: readonly string[];
}

/** The explained steps, and the ssh command line for each host by name. */
export interface ExplanationRequest {
  readonly environment: string;
  readonly recipe: string;
  readonly steps: readonly StepExplanation[];
  readonly sshCommands: ReadonlyMap<string, readonly string[]>;
}

/** Returns the commands of the steps that have some or whose commands are not known yet. */
export function explanationDocument({
  environment,
  recipe,
  steps,
  sshCommands: ways,
}: ExplanationRequest): ExplanationDocument {
  const explained = steps.flatMap(({ step, title, after, verdict, commands }): ExplainedStep[] => {
    const { id, task, service, instance, host } = step;
    const place = { step: id, task, service, instance, host, title, after };
    if (verdict.kind === 'unknown') return [{ ...place, waitsFor: verdict.waitsFor, commands: [] }];
    return commands.length === 0
      ? []
      : [{ ...place, commands: commands.map((one) => shellCommand(one, ways)) }];
  });
  const all = explained.flatMap(({ commands }) => commands.flatMap(({ secrets }) => secrets));
  return { environment, recipe, setup: secretSetup([...new Set(all)]), steps: explained };
}

/** Returns a script to paste or to run with `sh`: each command below a comment with its reason. */
export function explanationText(document: ExplanationDocument, { style }: Page): string {
  const { environment, recipe, setup, steps } = document;
  const note = (text: string) => style.faint(comment(text));
  if (steps.length === 0) return `${note(`${recipe} on ${environment}: nothing to do`)}\n`;
  const head = [
    note(`${recipe} on ${environment} as shell commands. Nothing was changed.`),
    note('They do the same as the run, but without a lease and without undo.'),
    note('Paste them one at a time, or run them all with sh -e.'),
    ...(setup.length === 0
      ? []
      : ['', note('Secrets are read from the environment of this shell.'), ...setup]),
  ];
  const firstAfter = steps.find(({ after }) => after);
  const blocks = steps.flatMap((step) => [
    ...(step === firstAfter
      ? [note('After the commit: the release stays even if these commands fail.')]
      : []),
    ...(step.waitsFor === undefined ? [] : [note(`decided after ${step.waitsFor}: ${step.title}`)]),
    ...step.commands.map(
      ({ host, why, command }) => `${note(host === undefined ? why : `${host}: ${why}`)}\n${command}`,
    ),
  ]);
  return [head.join('\n'), ...blocks].map((block) => `${block}\n`).join('\n');
}

/** Returns a comment that is harmless even in interactive shells without comments. */
function comment(text: string): string {
  return `# ${oneLine(printable(text))
    .replaceAll(';', ',')
    .replace(/[^\p{L}\p{N} .,:@/+=%_-]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()}`;
}

function shellCommand(
  { why, host, line, secrets }: PlainCommand,
  ways: ReadonlyMap<string, readonly string[]>,
): ShellCommand {
  return {
    why,
    host,
    secrets,
    command: host === undefined ? localLine(line) : remoteLine(line, secrets, ways.get(host) ?? []),
  };
}

/** Keeps the command from reading the pasted lines that follow. */
const localLine = (line: string) => `${line} </dev/null`;

/** Sends secrets through the standard input of the remote shell, to keep them out of process lists. */
function remoteLine(
  line: string,
  secrets: readonly string[],
  [ssh = 'ssh', ...words]: readonly string[],
): string {
  if (secrets.length === 0)
    return `${commandLine([ssh, '-n', ...words])} ${needsNoQuotes(line) ? line : quote(line)}`;
  const values = secrets.map((name) => `secret ${name}; `).join('');
  return `{ ${values}printf '%s\\n' ${quote(line)}; } | ${commandLine([ssh, ...words])} sh`;
}

/** Returns lines that check that every secret is set, and define `secret`, which prints one as an export line. */
function secretSetup(secrets: readonly string[]): readonly string[] {
  if (secrets.length === 0) return [];
  const write = `sed "s/'/'\\\\\\\\''/g; 1s/^/export $1='/; \\$s/\\$/'/"`;
  return [
    ...secrets.map((name) => `: "\${${name}:?}"`),
    `secret() { eval "printf '%s\\\\n' \\"\\\${$1}\\"" | ${write}; }`,
  ];
}
