import { z } from 'zod';
import { SandboxFailure } from '../../failure.js';
import type { Region } from '../action.js';
import { faultByName, faultNames } from './catalog.js';
import { disableFaults, EnabledFault, enabledFaults, enableFault, Times } from './enabled-faults.js';
import { profileOf, profiles, setProfile } from './profile.js';

/** The behavior of the endpoint: profile, seed and faults. */
export const Behavior = z.object({
  profile: z.enum(profiles),
  seed: z.string(),
  /** The enabled faults. */
  on: z.array(EnabledFault),
  /** All available faults. */
  faults: z.array(z.object({ name: z.string(), summary: z.string() })),
});
export type Behavior = z.infer<typeof Behavior>;

/** Changes to the behavior. */
export const FaultRequest = z.strictObject({
  profile: z.enum(profiles).optional(),
  seed: z.string().optional(),
  fault: z.strictObject({ name: z.string(), times: Times, on: z.string().optional() }).optional(),
  /** Disables this fault, or all with `true`. */
  clear: z.union([z.string(), z.literal(true)]).optional(),
});
export type FaultRequest = z.infer<typeof FaultRequest>;

/** Returns the behavior of the region. */
export function behaviorOf(region: Region): Behavior {
  const { profile, seed } = profileOf(region);
  const all = faultNames.map((name) => ({ name, summary: faultByName(name).summary }));
  return { profile, seed, on: [...enabledFaults(region)], faults: all };
}

/**
 * Applies a {@link FaultRequest} in JSON.
 * @param actions names of all API actions
 * @throws SandboxFailure if the request is invalid, or a fault or action is unknown
 */
export async function changeBehavior(
  region: Region,
  text: string,
  actions: readonly string[],
): Promise<void> {
  const { profile, seed, fault, clear } = parseRequest(text);
  if (clear !== undefined) await disableFaults(region, clear === true ? undefined : clear);
  if (fault !== undefined) await enableFault(region, fault, actions);
  if (profile !== undefined || seed !== undefined)
    await setProfile(region, {
      ...(profile === undefined ? {} : { profile }),
      ...(seed === undefined ? {} : { seed }),
    });
}

function parseRequest(text: string): FaultRequest {
  try {
    return FaultRequest.parse(JSON.parse(text));
  } catch (error) {
    throw new SandboxFailure('endpoint.wish', 'the request to the endpoint is invalid', {
      hint: 'replace an endpoint of another version: oneclick sandbox up',
      cause: error,
    });
  }
}
