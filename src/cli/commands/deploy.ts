import { chooseServices, hostsBeside } from '../choice.js';
import type { Edge } from '../edge.js';
import { perform } from '../perform.js';
import type { ChangeFlags } from '../program.js';
import { openSession } from '../session.js';
import { assent, speaking } from '../speak.js';

interface DeployFlags extends ChangeFlags {
  readonly image?: readonly string[];
  readonly tag?: string;
  readonly adopt?: string;
}

/** `oneclick deploy`: the recipe `deploy` on the services that were named. */
export function deploy(edge: Edge, services: readonly string[], flags: DeployFlags): Promise<number> {
  return change(edge, 'deploy', services, flags, {
    ...(flags.adopt === undefined ? {} : { adopt: flags.adopt }),
  });
}

interface RollbackFlags extends ChangeFlags {
  readonly to?: number;
  readonly currentSecrets: boolean;
}

/** `oneclick rollback`: the recipe `rollback`. */
export function rollback(edge: Edge, services: readonly string[], flags: RollbackFlags): Promise<number> {
  return change(edge, 'rollback', services, flags, {
    'current-secrets': flags.currentSecrets,
    ...(flags.to === undefined ? {} : { to: flags.to }),
  });
}

/** Carries out a recipe on services of the environment; throws usage failures for what the arguments cannot mean. */
export function change(
  edge: Edge,
  recipe: string,
  services: readonly string[],
  flags: ChangeFlags & { readonly image?: readonly string[]; readonly tag?: string },
  params: Readonly<Record<string, unknown>>,
): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const session = await openSession(edge, voice, flags);
    const chosen = chooseServices(session.environment.services, {
      services,
      only: flags.only,
      images: flags.image ?? [],
      ...(flags.tag === undefined ? {} : { tag: flags.tag }),
      ...(session.commit === undefined ? {} : { commit: session.commit }),
    });
    return perform(session, {
      recipe,
      services: chosen,
      beside: hostsBeside(session.environment.services, chosen),
      params: { ...params, ...(flags.batch === undefined ? {} : { batch: flags.batch }) },
      dryRun: flags.dryRun,
      wait: flags.wait,
      ...assent(voice, flags),
      ...(flags.onFailure === undefined ? {} : { onFailure: flags.onFailure }),
    });
  });
}
