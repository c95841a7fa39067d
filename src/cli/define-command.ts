import { InvalidArgumentError } from 'commander';
import type { Context } from '../app/context.js';
import type { Globals } from './global-flags.js';

/** An option without a value. */
export interface FlagOption {
  readonly kind: 'flag';
  readonly flags: string;
  readonly description: string;
}

/** An option with a value. */
export interface ValueOption<Value> {
  readonly kind: 'value';
  readonly flags: string;
  readonly description: string;
  /** Throws InvalidArgumentError for text that is not a value. */
  readonly parse: (text: string) => Value;
  /** The value when the option is not given. */
  readonly default?: Value;
  /** The text to parse when the option is given without a value, as `--watch [seconds]` allows. */
  readonly preset?: string;
}

/** An option that may be repeated. */
export interface ListOption {
  readonly kind: 'list';
  readonly flags: string;
  readonly description: string;
}

export type OptionDefinition = FlagOption | ValueOption<unknown> | ListOption;

/** Options by the names of their flags: `dryRun` for `--dry-run`, `settle` for `--no-settle`. */
export type OptionDefinitions = Readonly<Record<string, OptionDefinition>>;

/** True when given; `--no-x` is true unless given. */
export function flag(flags: string, description: string): FlagOption {
  return { kind: 'flag', flags, description };
}

/** A value of text, or of the type that `parse` returns. */
export function value(flags: string, description: string): ValueOption<string>;
export function value<Value>(
  flags: string,
  description: string,
  parse: (text: string) => Value,
): ValueOption<Value>;
export function value(
  flags: string,
  description: string,
  parse: (text: string) => unknown = (text) => text,
): ValueOption<unknown> {
  return { kind: 'value', flags, description, parse };
}

/** One of a few values. */
export function choice<const Choice extends string>(
  flags: string,
  description: string,
  choices: readonly Choice[],
): ValueOption<Choice> {
  return value(flags, description, (text) => {
    const chosen = choices.find((known) => known === text);
    if (chosen === undefined) throw new InvalidArgumentError(`must be ${choices.join(' or ')}`);
    return chosen;
  });
}

/** All values in the order given; empty when there are none. */
export function list(flags: string, description: string): ListOption {
  return { kind: 'list', flags, description };
}

/** A command as data, with everything its help shows. */
export interface CommandDefinition {
  readonly name: string;
  /** A verb phrase in lower case, for the list of commands and the command's own help. */
  readonly summary: string;
  /** Replaces the usage line that is generated from the arguments. */
  readonly usage?: string;
  /** Descriptions by argument: `<required>`, `[optional]` or `[several...]`. */
  readonly arguments?: Readonly<Record<string, string>>;
  readonly options: OptionDefinitions;
  readonly examples: readonly string[];
  /** A sentence below the options. */
  readonly note?: string;
  /** Whether `run` checks the number of arguments itself. */
  readonly allowExcessArguments?: boolean;
  /** Whether a command may follow `--`; it becomes `flags.command`. */
  readonly takesCommand?: boolean;
  /** Whether its family runs it when no command is named. */
  readonly isDefault?: boolean;
}

/** Returns the definition unchanged, with its exact type for {@link FlagsOf}. */
export function defineCommand<const Definition extends CommandDefinition>(
  definition: Definition,
): Definition {
  return definition;
}

type ValueOf<Option> = Option extends FlagOption
  ? boolean
  : Option extends ListOption
    ? readonly string[]
    : Option extends ValueOption<infer Value>
      ? Value
      : never;

type AbsentKeys<Options> = {
  [Key in keyof Options]: Options[Key] extends FlagOption | ListOption | { readonly default: unknown }
    ? never
    : Key;
}[keyof Options];

/** The values of options: those without a default may be absent. */
export type OptionValues<Options extends OptionDefinitions> = {
  readonly [Key in Exclude<keyof Options, AbsentKeys<Options>>]: ValueOf<Options[Key]>;
} & {
  readonly [Key in AbsentKeys<Options>]?: ValueOf<Options[Key]>;
};

interface CommandFlag {
  /** The words after `--`; absent without `--`. */
  readonly command?: readonly string[];
}

/** The flags that a command's `run` receives. */
export type FlagsOf<Definition extends CommandDefinition> = Globals &
  OptionValues<Definition['options']> &
  (Definition extends { readonly takesCommand: true } ? CommandFlag : unknown);

/** The code of a command; resolves to the exit code. */
export type Run<Flags> = (context: Context, args: readonly string[], flags: Flags) => Promise<number>;

/** A command with its code, which is loaded when the command runs. */
export interface CommandEntry {
  readonly definition: CommandDefinition;
  load(): Promise<{
    // A method, so that any flags are accepted here: entry() has checked them.
    run(context: Context, args: readonly string[], flags: Globals): Promise<number>;
  }>;
}

/** Commands under a common name. */
export interface Family {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CommandEntry[];
}

/** Joins a command with its code, whose flags must fit the definition. */
export function entry<Definition extends CommandDefinition>(
  definition: Definition,
  load: () => Promise<{ readonly run: Run<FlagsOf<Definition>> }>,
): CommandEntry {
  return { definition, load };
}

export function family(name: string, summary: string, commands: readonly CommandEntry[]): Family {
  return { name, summary, commands };
}
