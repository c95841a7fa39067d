import type { Context } from '../../../app/context.js';
import { withOutput } from '../../command-output.js';
import type { Globals } from '../../global-flags.js';
import { askSandbox } from './sandbox-program.js';
import { SandboxStatus, sandboxText } from './sandbox-status.js';

/** Runs a command of the sandbox program and shows the resulting status. */
export function controlSandbox(
  args: readonly string[],
  context: Context,
  flags: Globals & { readonly name?: string },
): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const status = await askSandbox(context, [...args, ...nameArguments(flags)], reporter, SandboxStatus);
    reporter.result(status, (shown, page) => sandboxText(shown, page, flags.name));
    return 0;
  });
}

/** `--name` for the sandbox program. */
export function nameArguments({ name }: { readonly name?: string }): readonly string[] {
  return name === undefined ? [] : ['--name', name];
}
