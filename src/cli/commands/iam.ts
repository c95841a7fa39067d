import type { Context } from '../../app/context.js';
import { iamPolicy } from '../../cloud/aws/actions.js';
import { withOutput } from '../command-output.js';
import type { Globals } from '../grammar/flags.js';

/** `oneclick iam policy`: what has to be allowed, as IAM wants it written. */
export function policy(context: Context, _: readonly string[], flags: Globals): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    reporter.result(iamPolicy(), (document) => `${JSON.stringify(document, null, 2)}\n`);
    return 0;
  });
}
