import { z } from 'zod';
import type { Context } from '../../../../app/context.js';
import { table } from '../../../../report/table.js';
import { withOutput } from '../../../command-output.js';
import { askSandbox } from '../sandbox-program.js';
import type { SandboxFaultFlags } from './command.js';

/** The sandbox's answer to `fault`. */
const Faults = z.looseObject({
  /** The faults that are switched on. */
  on: z.array(
    z.object({ name: z.string(), times: z.union([z.number(), z.string()]), on: z.string().optional() }),
  ),
  /** All known faults. */
  faults: z.array(z.object({ name: z.string(), summary: z.string() })),
});
type Faults = z.infer<typeof Faults>;

/** Switches a fault on or off, and lists all faults. */
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
          { title: 'ACTIVE', value: ({ name }) => activeText(document, name) },
          { title: 'EFFECT', value: ({ summary }) => summary, narrow: 'wrap' },
        ],
        page,
      ),
    );
    return 0;
  });
}

/** `3 calls of RunInstances`, `always`, or `-` when off. */
function activeText({ on }: Faults, fault: string): string {
  const found = on.filter(({ name }) => name === fault);
  if (found.length === 0) return '-';
  return found
    .map(({ times, on: action }) => {
      const calls = times === 'always' ? 'always' : times === 1 ? '1 call' : `${times} calls`;
      return action === undefined ? calls : `${calls} of ${action}`.replace('always of', 'every');
    })
    .join(', ');
}
