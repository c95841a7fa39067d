import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context } from '../../app/context.js';
import type { SettingSources } from '../../domain/precedence.js';
import type { Detail } from '../../report/reporter.js';

/** What can be typed with every command; nothing where it was not typed. */
export interface Typed {
  readonly json?: boolean;
  readonly plain?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly input?: boolean;
  readonly file?: string;
}

/** What holds for every command, whoever said it. */
export interface Globals {
  readonly json: boolean;
  readonly plain: boolean;
  readonly detail: Detail;
  /** Whether anybody may be asked. */
  readonly input: boolean;
  /** Undecided: where there is a terminal. */
  readonly color?: boolean;
  readonly file?: string;
  /** What others than the flag say of the environment. */
  readonly environment: Pick<SettingSources<string>, 'variable' | 'user'>;
}

/** What the commands take that end in another command. */
export interface WordsFlags extends Globals {
  /** What stands after `--`; undefined without that. */
  readonly words?: readonly string[];
}

/** What the commands that change servers take. */
export interface ChangeFlags extends Globals {
  readonly env?: string;
  readonly only: readonly string[];
  readonly batch?: string;
  readonly dryRun: boolean;
  readonly explain: boolean;
  readonly onFailure?: 'revert' | 'stop';
  readonly wait: boolean;
  readonly yes: boolean;
}

/** Whether a command only says what it would do, and how. */
export function onlyShown({ dryRun, explain }: { readonly dryRun: boolean; readonly explain: boolean }): {
  readonly dryRun?: 'plan' | 'commands';
} {
  if (explain) return { dryRun: 'commands' };
  return dryRun ? { dryRun: 'plan' } : {};
}

export const collect = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
];

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}

/** How often: a number from 1, or `always`. */
export function times(text: string): string {
  if (!/^([1-9]\d{0,8}|always)$/.test(text))
    throw new InvalidArgumentError('It is neither a number from 1 nor always.');
  return text;
}

function seconds(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('It is not a number of seconds.');
  return Number(text);
}

/** Seconds, or the word that stands there: where the value of a flag may be left out, what follows may be the command's. */
export function secondsOrWord(text: string): number | string {
  return /^\d/.test(text) ? seconds(text) : text;
}

/** What a command does; gives its exit code. */
export type Act<Flags> = (context: Context, args: readonly string[], flags: Flags) => Promise<number>;

/** Makes an action of what a module exports; the module, and what that needs, is loaded only when the command is run. */
export type Bind = <Flags extends Globals>(
  load: () => Promise<Act<Flags>>,
) => (...given: unknown[]) => Promise<void>;

export function examples(...lines: readonly string[]): string {
  return `Examples:\n${lines.map((line) => `  $ ${line}\n`).join('')}`;
}

export function family(root: Command, name: string, summary: string): Command {
  return root.command(name).summary(summary).description(summary);
}

export function aboutServers(command: Command): Command {
  return command.option('-e, --env <name>', 'the environment');
}

export function building(command: Command): Command {
  return command
    .option(
      '--platform <platform>',
      "for linux/amd64, linux/arm64 …; by default the hosts', or your docker's own",
    )
    .option('--no-cache', 'build every step anew')
    .option('--dirty', 'build changes that are in no commit; the tag says so', false);
}

export function changing(command: Command): Command {
  return aboutServers(command)
    .option('--only <host>', 'only on this host (repeatable)', collect, [])
    .option('--batch <n>', 'how many instances change at a time: 1, 25% or all')
    .option('--dry-run', 'say what would be done, and do nothing', false)
    .option('--explain', 'the same as commands for a shell', false)
    .addOption(
      new Option('--on-failure <policy>', 'what a failure leads to: revert or stop').choices([
        'revert',
        'stop',
      ]),
    )
    .option('--wait', 'wait for a lease that another run holds', false)
    .option('-y, --yes', 'do not ask', false);
}
