import { Command, CommanderError } from 'commander';
import type { Context } from '../app/context.js';
import { balancing } from './grammar/balance.js';
import { type Act, type Bind, examples, type Globals, type Typed } from './grammar/flags.js';
import { keeping } from './grammar/keep.js';
import { looking } from './grammar/look.js';
import { firstWord, usageError } from './grammar/misuse.js';
import { shipping } from './grammar/ship.js';
import { rootVerb } from './grammar/verb.js';

/**
 * Reads the arguments, runs the command that they name, and gives its exit code. The edge is opened for a command only, not for
 * help. `onSettled` is told what holds for the command before that begins.
 */
export async function program(
  openEdge: () => Promise<Context>,
  argv: readonly string[],
  onSettled: (flags: Globals) => void = () => undefined,
): Promise<number> {
  let code = 0;
  const [own, words] = cutWords(argv);
  const root = oneclick();
  const bind: Bind =
    <Flags extends Globals>(load: () => Promise<Act<Flags>>) =>
    async (...given: unknown[]) => {
      const command = given.at(-1);
      if (!(command instanceof Command)) throw new Error('commander calls an action with its command last');
      const context = await openEdge();
      const { resolveFlags: settled } = await import('./settings.js');
      const flags = await settled<Flags>(context, { ...command.optsWithGlobals<Flags & Typed>(), words });
      onSettled(flags);
      const { startupLine: firstSign } = await import('./startup-line.js');
      const unveil = firstSign(process.stderr, nameOf(command), context.env, flags);
      try {
        const act = await load();
        code = await act({ ...context, clearStartupLine: unveil }, command.args, flags);
      } finally {
        unveil();
      }
    };
  shipping(root, bind);
  looking(root, bind);
  balancing(root, bind);
  keeping(root, bind);

  try {
    await root.parseAsync([...own], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version are answers.
    if (error.exitCode === 0) return 0;
    if (error.code === 'commander.help') return 2;
    throw usageError(error, root, own);
  }
  return code;
}

function oneclick(): Command {
  const root = rootVerb('oneclick');
  root
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
  return root.complete();
}

/** `deploy`, `config check`. */
function nameOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name();
}

/** The arguments up to `--`, and what stands after it, of the commands that end in another command. */
function cutWords(argv: readonly string[]): readonly [readonly string[], (readonly string[])?] {
  const cut = ['exec', 'ssh'].includes(firstWord(argv) ?? '') ? argv.indexOf('--') : -1;
  return cut < 0 ? [argv] : [argv.slice(0, cut), argv.slice(cut + 1)];
}
