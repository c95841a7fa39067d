import { z } from 'zod';
import type { Context } from '../../../../app/context.js';
import { table } from '../../../../report/table.js';
import { withOutput } from '../../../command-output.js';
import { askSandbox } from '../sandbox-program.js';
import type { SandboxFaultFlags } from './command.js';

/** What the sandbox says of faults. */
const Faults = z.looseObject({
  /** Those that are switched on. */
  on: z.array(
    z.object({ name: z.string(), times: z.union([z.number(), z.string()]), on: z.string().optional() }),
  ),
  /** Those that there are. */
  faults: z.array(z.object({ name: z.string(), summary: z.string() })),
});
type Faults = z.infer<typeof Faults>;

/** `oneclick sandbox fault`: has the sandbox switch a fault on or off, and shows all of them. */
export function run(context: Context, args: readonly string[], flags: SandboxFaultFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const words = [
      ...['fault', ...args],
      ...(flags.times === undefined ? [] : ['--times', flags.times]),
      ...(flags.on === undefined ? [] : [`--on=${flags.on}`]),
      ...(flags.clear ? ['--clear'] : []),
      ...(flags.name === undefined ? [] : ['--name', flags.name]),
    ];
    reporter.result(await askSandbox(context, words, reporter, Faults), (document, page) =>
      table(
        document.faults,
        [
          { title: 'FAULT', value: ({ name }) => name },
          { title: 'STRIKES', value: ({ name }) => strikes(document, name) },
          { title: 'WHAT HAPPENS', value: ({ summary }) => summary, narrow: 'wrap' },
        ],
        page,
      ),
    );
    return 0;
  });
}

/** `3 calls of RunInstances`, `always`; `-` of one that is off. */
function strikes({ on }: Faults, fault: string): string {
  const found = on.filter(({ name }) => name === fault);
  if (found.length === 0) return '-';
  return found
    .map(({ times, on: action }) => {
      const often = times === 'always' ? 'always' : times === 1 ? '1 call' : `${times} calls`;
      return action === undefined ? often : `${often} of ${action}`.replace('always of', 'every');
    })
    .join(', ');
}
