import { type Command, CommanderError } from 'commander';
import type { Context } from '../app/context.js';
import { addCommands, exampleText } from './build-command.js';
import { commands } from './commands/list.js';
import type { Globals, TypedGlobals } from './global-flags.js';
import { rootCommand } from './lazy-command.js';
import { firstWord, requireKnownCommand, usageError } from './usage-error.js';

const description = 'Deploy container images to your servers over SSH, and roll them back.';

const examples = [
  'oneclick deploy',
  'oneclick deploy web --tag v2 --env production',
  'oneclick rollback',
  'oneclick status',
  'oneclick logs --follow',
];

/**
 * Parses the arguments, runs the command and resolves to its exit code. Opens the context only for commands, not for
 * help, and calls `onFlags` with the resolved flags before the command starts. Throws usage failures for invalid arguments.
 */
export async function program(
  openContext: () => Promise<Context>,
  argv: readonly string[],
  onFlags: (flags: Globals) => void = () => undefined,
): Promise<number> {
  let exitCode = 0;
  const { own, trailing } = splitTrailingCommand(argv);
  const root = rootCommand('oneclick', description).addHelpText('before', exampleText(examples)).complete();
  addCommands(root, commands, async (entry, command) => {
    const context = await openContext();
    const { resolveFlags } = await import('./resolve-flags.js');
    const typed = { ...command.optsWithGlobals<TypedGlobals>(), ...trailing };
    const flags = await resolveFlags(context, typed);
    onFlags(flags);
    const { startupLine } = await import('./startup-line.js');
    const clearStartupLine = startupLine(process.stderr, nameOf(command), context.env, flags);
    try {
      const { run } = await entry.load();
      exitCode = await run({ ...context, clearStartupLine }, command.args, flags);
    } finally {
      clearStartupLine();
    }
  });
  try {
    requireKnownCommand(root, own);
    await root.parseAsync([...own], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // commander reports a shown help as an error.
    if (error.exitCode === 0) return 0;
    if (error.code === 'commander.help') return 2;
    throw usageError(error, root, own);
  }
  return exitCode;
}

/** Returns names such as `deploy` or `config check`. */
function nameOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name();
}

/** Separates the words after `--` for a command that takes another command. */
function splitTrailingCommand(argv: readonly string[]): {
  readonly own: readonly string[];
  readonly trailing?: { readonly command: readonly string[] };
} {
  const name = firstWord(argv);
  const at = argv.indexOf('--');
  if (at < 0 || !commands.some((listed) => takesCommand(listed, name))) return { own: argv };
  return { own: argv.slice(0, at), trailing: { command: argv.slice(at + 1) } };
}

function takesCommand(listed: (typeof commands)[number], name: string | undefined): boolean {
  return 'definition' in listed && listed.definition.name === name && listed.definition.takesCommand === true;
}
