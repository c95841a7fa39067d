import type { Context } from '../../../../app/context.js';
import { iamPolicy } from '../../../../cloud/aws/actions.js';
import { withOutput } from '../../../command-output.js';
import type { IamPolicyFlags } from './command.js';

export function run(context: Context, _: readonly string[], flags: IamPolicyFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    reporter.result(iamPolicy(), (document) => `${JSON.stringify(document, null, 2)}\n`);
    return 0;
  });
}
