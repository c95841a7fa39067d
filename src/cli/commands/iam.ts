import { iamPolicy } from '../../cloud/aws/actions.js';
import type { Edge } from '../edge.js';
import type { Globals } from '../grammar/flags.js';
import { speaking } from '../speak.js';

/** `oneclick iam policy`: what has to be allowed, as IAM wants it written. */
export function policy(edge: Edge, _: readonly string[], flags: Globals): Promise<number> {
  return speaking(edge, flags, async ({ reporter }) => {
    reporter.result(iamPolicy(), (document) => `${JSON.stringify(document, null, 2)}\n`);
    return 0;
  });
}
