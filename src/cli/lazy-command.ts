import { type Argument, Command, type Help, type HelpContext, Option } from 'commander';

const globalGroup = 'Global options:';

/** A command that builds its options only when called, which halves the time of `--help`. */
export class LazyCommand extends Command {
  #options: (() => readonly Option[]) | undefined;

  constructor(name?: string, options: () => readonly Option[] = () => []) {
    super(name);
    this.#options = options;
  }

  /** Builds the options, the global ones last, and those of each command called below it. */
  complete(): this {
    const own = this.#options?.();
    if (own === undefined) return this;
    this.#options = undefined;
    for (const option of own) this.addOption(option);
    const isShortTaken = own.some(({ short }) => short === '-f');
    for (const option of globalOptions(isShortTaken ? '--file <path>' : '-f, --file <path>'))
      this.addOption(option.helpGroup(globalGroup));
    return this.hook('preSubcommand', (_, command) => {
      if (command instanceof LazyCommand) command.complete();
    });
  }

  /** `oneclick help deploy` shows the help of a command without calling it. */
  override helpInformation(context?: HelpContext): string {
    this.complete();
    return super.helpInformation(context);
  }
}

/** Returns the root command; others inherit its help and error handling. */
export function rootCommand(name: string, description: string): LazyCommand {
  return (
    new LazyCommand(name, () => [new Option('-V, --version', 'print the version')])
      .description(description)
      .exitOverride()
      // Options after a command are the command's: its -f may differ from the global one.
      .enablePositionalOptions()
      .configureOutput({ outputError: () => undefined })
      .showSuggestionAfterError(false)
      .configureHelp(helpFormat)
      .addHelpOption(new Option('-h, --help', 'show this help').helpGroup(globalGroup))
      .helpCommand('help [command]', 'show help for a command')
  );
}

const helpFormat: Partial<Help> = {
  // commander would add "(default: false)" to every flag.
  optionDescription: ({ description }) => description,
  // commander would add "[options]" to every command.
  subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
  groupItems: globalLast,
};

function argumentTerm(argument: Argument): string {
  const term = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${term}>` : `[${term}]`;
}

/** Without defaults, because variables and files also set them. Hidden opposites override those. */
function globalOptions(file: string): readonly Option[] {
  return [
    new Option('--json', 'print JSON: one event per line, or one document'),
    new Option('-q, --quiet', 'print only results, warnings and failures'),
    new Option('--no-quiet').hideHelp(),
    new Option('-v, --verbose', 'print every remote call and its duration'),
    new Option('--no-verbose').hideHelp(),
    new Option('--plain', 'print plain lines, for screen readers and logs'),
    new Option('--no-plain').hideHelp(),
    new Option('--color').hideHelp(),
    new Option('--no-color', 'disable colors'),
    new Option('--input').hideHelp(),
    new Option('--no-input', 'disable prompts: fail instead of asking'),
    new Option(file, 'read this file instead of oneclick.yml'),
  ];
}

function globalLast<Item>(_: Item[], visible: Item[], groupOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  const own = visible.filter((item) => groupOf(item) !== globalGroup);
  for (const item of [...own, ...visible.filter((item) => !own.includes(item))])
    groups.set(groupOf(item), [...(groups.get(groupOf(item)) ?? []), item]);
  return groups;
}
