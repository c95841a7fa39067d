import { hostsBeside } from '../choice.js';
import type { Edge } from '../edge.js';
import { type Globals, onlyShown } from '../grammar/flags.js';
import { cloudFor } from '../groups.js';
import { servicesToLookAt } from '../instances.js';
import { perform } from '../perform.js';
import { openSession } from '../session.js';
import { speaking } from '../speak.js';

interface SettleFlags extends Globals {
  readonly env?: string;
  readonly dryRun: boolean;
  readonly explain: boolean;
  readonly wait: boolean;
}

/** `oneclick settle`: the recipe of that name: what `--no-settle` left for later. */
export function settle(edge: Edge, names: readonly string[], flags: SettleFlags): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const session = await openSession(edge, voice, flags);
    const services = servicesToLookAt(session.environment.services, names);
    return perform(session, {
      ...{ recipe: 'settle', services, params: {}, wait: flags.wait },
      ...onlyShown(flags),
      ...cloudFor(services),
      beside: hostsBeside(session.environment.services, services),
    });
  });
}
