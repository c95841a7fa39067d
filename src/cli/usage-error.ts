import { type Command, CommanderError, type Option } from 'commander';
import { Failure } from '../domain/failure.js';
import { nearest } from '../domain/nearest.js';

/** The first word that is neither a global flag nor its value. */
export function firstWord(argv: readonly string[]): string | undefined {
  return argv.find((word, at) => !word.startsWith('-') && !['-f', '--file'].includes(argv[at - 1] ?? ''));
}

/** Throws a CommanderError for a request for help on an unknown command, for which commander shows the general help. */
export function requireKnownCommand(root: Command, argv: readonly string[]): void {
  if (!argv.some((word) => ['--help', '-h', 'help'].includes(word))) return;
  const switches = [
    '-h',
    '--help',
    ...root.options.flatMap(({ short, long, required }) => (required ? [] : [short, long])),
  ];
  let command = root;
  for (const [at, word] of argv.entries()) {
    const before = argv[at - 1];
    const isValue = before?.startsWith('-') === true && !switches.includes(before);
    if (word.startsWith('-') || isValue || word === 'help') continue;
    if (command.commands.length === 0) return;
    const known: Command | undefined = command.commands.find((child) => child.name() === word);
    if (known === undefined)
      throw new CommanderError(1, 'commander.unknownCommand', `error: unknown command '${word}'`);
    command = known;
  }
}

/** Turns an error of commander into a usage failure that suggests the nearest known word. */
export function usageError(error: CommanderError, root: Command, argv: readonly string[]): Failure {
  const command = commandOf(root, argv);
  const message = error.message.replace(/^error: /, '').replace(/'(.*?)'/g, '"$1"');
  const options = [...root.options, ...command.options];
  const near = suggestion(error, message, { command, options }, argv);
  const help = `${pathOf(command)} --help`;
  return new Failure('usage', 'arguments', rephrased(message), {
    hint: near === undefined ? help : `did you mean ${near}?`,
  });
}

/** Names an option by its long flag, as other messages do. */
function rephrased(message: string): string {
  return message.replace(
    /^option "(?:-\w, )?(--[\w-]+).*?" argument (?:"(.*)" is invalid\. (.*)|missing)$/s,
    (_, flag: string, text?: string, rule = '') =>
      text === undefined ? `${flag} requires a value` : `${flag} ${rule}, not "${text}"`,
  );
}

/** The innermost command in the arguments. */
function commandOf(root: Command, argv: readonly string[]): Command {
  const first = root.commands.find((command) => command.name() === firstWord(argv));
  return first?.commands.find((child) => argv.includes(child.name())) ?? first ?? root;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function suggestion(
  { code }: CommanderError,
  message: string,
  { command, options }: { readonly command: Command; readonly options: readonly Option[] },
  argv: readonly string[],
): string | undefined {
  const names = command.commands.map((child) => child.name());
  const unknown = /"([^"]+)"/.exec(message)?.[1] ?? '';
  if (code === 'commander.unknownCommand') return nearest(unknown, names);
  // A misspelled name is taken for an argument of the family's default command.
  if (code === 'commander.excessArguments')
    return argv.map((word) => nearest(word, names)).find((name) => name !== undefined);
  if (code !== 'commander.unknownOption') return undefined;
  const flags = options.filter(({ hidden }) => !hidden).flatMap(({ long }) => long ?? []);
  return nearest(unknown.split('=')[0] ?? '', [...flags, ...names]);
}
