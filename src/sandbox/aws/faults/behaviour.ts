import { z } from 'zod';
import { SandboxFailure } from '../../failure.js';
import type { Region } from '../action.js';
import { faultNamed, faultNames } from './catalog.js';
import { profileOf, profiles, setProfile } from './profile.js';
import { Switched, switchedOn, switchOff, switchOn, Times } from './switches.js';

/** How the endpoint behaves, as it says it to the sandbox. */
export const Behaviour = z.object({
  profile: z.enum(profiles),
  seed: z.string(),
  /** The faults that are switched on. */
  on: z.array(Switched),
  /** Those that there are. */
  faults: z.array(z.object({ name: z.string(), summary: z.string() })),
});
export type Behaviour = z.infer<typeof Behaviour>;

/** How it shall behave from now on. */
export const FaultRequest = z.strictObject({
  profile: z.enum(profiles).optional(),
  seed: z.string().optional(),
  fault: z.strictObject({ name: z.string(), times: Times, on: z.string().optional() }).optional(),
  /** Switches this fault off; `true`: all of them. */
  clear: z.union([z.string(), z.literal(true)]).optional(),
});
export type FaultRequest = z.infer<typeof FaultRequest>;

/** How the region behaves. */
export function behaviour(region: Region): Behaviour {
  const { profile, seed } = profileOf(region);
  const all = faultNames.map((name) => ({ name, summary: faultNamed(name).summary }));
  return { profile, seed, on: [...switchedOn(region)], faults: all };
}

/**
 * Has the region behave as a wish says, which is JSON.
 * @param actions those that there are
 * @throws SandboxFailure for a fault or an action that there is not, and for what is no wish
 */
export async function behave(region: Region, text: string, actions: readonly string[]): Promise<void> {
  const { profile, seed, fault, clear } = understood(text);
  if (clear !== undefined) await switchOff(region, clear === true ? undefined : clear);
  if (fault !== undefined) await switchOn(region, fault, actions);
  if (profile !== undefined || seed !== undefined)
    await setProfile(region, {
      ...(profile === undefined ? {} : { profile }),
      ...(seed === undefined ? {} : { seed }),
    });
}

function understood(text: string): FaultRequest {
  try {
    return FaultRequest.parse(JSON.parse(text));
  } catch (error) {
    throw new SandboxFailure('endpoint.wish', 'the endpoint does not understand what it shall do', {
      hint: 'oneclick sandbox up starts one of this version',
      cause: error,
    });
  }
}
