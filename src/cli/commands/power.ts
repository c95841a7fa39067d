import { hostsBeside } from '../choice.js';
import type { Edge } from '../edge.js';
import { type Globals, onlyShown } from '../grammar/flags.js';
import { servicesOn } from '../instances.js';
import { perform } from '../perform.js';
import { openSession } from '../session.js';
import { assent, speaking } from '../speak.js';

export interface PowerFlags extends Globals {
  readonly env?: string;
  readonly host: readonly string[];
  readonly dryRun: boolean;
  readonly explain: boolean;
  readonly wait: boolean;
  /** Only where the command asks. */
  readonly yes?: boolean;
}

/** `oneclick restart`, `stop` and `start`: the recipe of that name on the services that were named; `stop` asks first. */
export function power(recipe: 'restart' | 'stop' | 'start') {
  return (edge: Edge, names: readonly string[], flags: PowerFlags): Promise<number> =>
    speaking(edge, flags, async (voice) => {
      const session = await openSession(edge, voice, flags);
      const services = servicesOn(session.environment.services, names, flags.host);
      return perform(session, {
        ...{ recipe, services, params: {}, wait: flags.wait },
        ...onlyShown(flags),
        beside: hostsBeside(session.environment.services, services),
        ...(recipe === 'stop' ? assent(voice, { yes: flags.yes === true, json: flags.json }) : {}),
      });
    });
}
