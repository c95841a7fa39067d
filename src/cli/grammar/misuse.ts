import type { Command, CommanderError, Option } from 'commander';
import { Failure } from '../../domain/failure.js';
import { nearest } from '../../domain/nearest.js';

/** The command that the arguments name: what stands first that is no flag, nor the value of one. */
export function firstWord(argv: readonly string[]): string | undefined {
  return argv.find((word, at) => !word.startsWith('-') && !['-f', '--file'].includes(argv[at - 1] ?? ''));
}

/** What commander did not understand, as a usage failure with the nearest that exists. */
export function usageError(error: CommanderError, root: Command, argv: readonly string[]): Failure {
  const command = commandOf(root, argv);
  const message = error.message.replace(/^error: /, '');
  const options = [...root.options, ...command.options];
  const near = meant(error, message, { command, options }, argv);
  const help = `${pathOf(command)} --help`;
  return new Failure('usage', 'arguments', message, {
    hint: near === undefined ? help : `did you mean ${near}?`,
  });
}

/** The innermost command that was named. */
function commandOf(root: Command, argv: readonly string[]): Command {
  const first = root.commands.find((command) => command.name() === firstWord(argv));
  return first?.commands.find((verb) => argv.includes(verb.name())) ?? first ?? root;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function meant(
  { code }: CommanderError,
  message: string,
  { command, options }: { readonly command: Command; readonly options: readonly Option[] },
  argv: readonly string[],
): string | undefined {
  const verbs = command.commands.map((verb) => verb.name());
  const unknown = /'([^']+)'/.exec(message)?.[1] ?? '';
  if (code === 'commander.unknownCommand') return nearest(unknown, verbs);
  // What is no verb is taken for an argument of the verb that may be left out.
  if (code === 'commander.excessArguments')
    return argv.map((word) => nearest(word, verbs)).find((verb) => verb !== undefined);
  if (code !== 'commander.unknownOption') return undefined;
  const flags = options.filter(({ hidden }) => !hidden).flatMap(({ long }) => long ?? []);
  return nearest(unknown.split('=')[0] ?? '', [...flags, ...verbs]);
}
