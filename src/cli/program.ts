import { Command, CommanderError } from 'commander';
import { Failure } from '../domain/failure.js';
import { nearest } from '../domain/nearest.js';
import type { Edge } from './edge.js';
import { type Bind, examples } from './grammar/flags.js';
import { keeping } from './grammar/keep.js';
import { looking } from './grammar/look.js';
import { shipping } from './grammar/ship.js';

/** Reads the arguments, runs the command that they name, and gives its exit code. The edge is opened for a command only, not for help. */
export async function program(openEdge: () => Promise<Edge>, argv: readonly string[]): Promise<number> {
  let code = 0;
  const [own, words] = cutWords(argv);
  const root = base('oneclick')
    .description(
      'Ships container images to servers, and brings them back. Each command is a recipe of small tasks.',
    )
    .option('-V, --version', 'print the version')
    .addHelpText(
      'before',
      examples(
        'oneclick deploy',
        'oneclick deploy web --tag v2 --env production',
        'oneclick rollback',
        'oneclick status',
        'oneclick logs --follow',
      ),
    );
  const bind: Bind =
    (load) =>
    async (...given) => {
      const command = given.at(-1);
      if (!(command instanceof Command)) throw new Error('commander calls an action with its command last');
      const [edge, act] = await Promise.all([openEdge(), load()]);
      code = await act(edge, command.args, { ...command.optsWithGlobals(), words });
    };
  shipping(root, bind);
  looking(root, bind);
  keeping(root, bind);

  try {
    await root.parseAsync([...own], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return usage(error, argv, root);
    throw error;
  }
  return code;
}

/** The arguments up to `--`, and what stands after it, of the commands that end in another command. */
function cutWords(argv: readonly string[]): readonly [readonly string[], (readonly string[])?] {
  const cut = ['exec', 'ssh'].includes(argv[0] ?? '') ? argv.indexOf('--') : -1;
  return cut < 0 ? [argv] : [argv.slice(0, cut), argv.slice(cut + 1)];
}

function base(name: string): Command {
  return new Command(name)
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(false);
}

/** Help and version are answers; everything else is a usage failure with the nearest that exists. */
function usage(error: CommanderError, argv: readonly string[], root: Command): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2;
  const message = error.message.replace(/^error: /, '').replace(/ \(Did you mean.*$/s, '');
  const command = root.commands.find((candidate) => candidate.name() === argv[0]);
  const words = [
    ...(command?.commands ?? []).map((verb) => verb.name()),
    ...root.commands.flatMap((one) => [one.name(), ...flagsOf(one)]),
  ];
  const unknown = /'([^']+)'/.exec(message)?.[1] ?? '';
  const near = error.code.includes('unknown') ? nearest(unknown, words) : undefined;
  const help = command === undefined ? 'oneclick --help' : `oneclick ${command.name()} --help`;
  throw new Failure('usage', 'arguments', message, {
    hint: near === undefined ? help : `did you mean ${near}?`,
  });
}

function flagsOf(command: Command): readonly string[] {
  return [...command.options.flatMap((option) => option.long ?? []), ...command.commands.flatMap(flagsOf)];
}
