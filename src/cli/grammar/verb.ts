import { type Argument, Command, type Help, Option } from 'commander';

/** What every command takes stands in a group of its own, the last one. */
const group = 'Global options:';

/**
 * A command that gets its flags once it is called, for to make those of all commands takes longer than all else that
 * `--help` does.
 */
export class Verb extends Command {
  #waiting: (() => unknown)[] | undefined = [];

  override createCommand(name?: string): Verb {
    return new Verb(name);
  }

  override addOption(option: Option): this {
    return this.#later(() => super.addOption(option));
  }

  /** Makes its flags, those that every command takes last; and has those that it calls do the same. */
  complete(): this {
    const own = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const make of own) make();
    const isTaken = this.options.some(({ short }) => short === '-f');
    for (const option of globals(isTaken ? '--file <path>' : '-f, --file <path>'))
      this.addOption(option.helpGroup(group));
    return this.hook('preSubcommand', (_, verb) => {
      if (verb instanceof Verb) verb.complete();
    });
  }

  #later(make: () => unknown): this {
    if (this.#waiting === undefined) make();
    else this.#waiting.push(make);
    return this;
  }
}

/** The command that holds all others, which take over how it gives help and fails. */
export function rootVerb(name: string): Verb {
  const root = new Verb(name);
  root
    .exitOverride()
    // What follows a command is the command's: its -f may be another one.
    .enablePositionalOptions()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(false)
    .configureHelp(help)
    .addHelpOption(new Option('-h, --help', 'show this help').helpGroup(group))
    .helpCommand('help [command]', 'show the help of a command');
  return root;
}

const help: Partial<Help> = {
  // commander would add "(default: false)" to every flag.
  optionDescription: ({ description }) => description,
  // All have flags.
  subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
  groupItems: globalLast,
};

function argumentTerm(argument: Argument): string {
  const term = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${term}>` : `[${term}]`;
}

/** None has a default: what is not typed may be said elsewhere. The opposite of a flag is for whoever has said it elsewhere. */
function globals(file: string): readonly Option[] {
  return [
    new Option('--json', 'print JSON: one event a line, or one document'),
    new Option('-q, --quiet', 'say only results, warnings and failures'),
    new Option('--no-quiet').hideHelp(),
    new Option('-v, --verbose', 'say every remote call, and how long it took'),
    new Option('--no-verbose').hideHelp(),
    new Option('--plain', 'plain lines in words, for screen readers and logs'),
    new Option('--no-plain').hideHelp(),
    new Option('--color').hideHelp(),
    new Option('--no-color', 'no colour'),
    new Option('--input').hideHelp(),
    new Option('--no-input', 'never ask: a question is a refusal'),
    new Option(file, 'another oneclick.yml'),
  ];
}

function globalLast<Item>(_: Item[], visible: Item[], groupOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  const own = visible.filter((item) => groupOf(item) !== group);
  for (const item of [...own, ...visible.filter((item) => !own.includes(item))])
    groups.set(groupOf(item), [...(groups.get(groupOf(item)) ?? []), item]);
  return groups;
}
