import { createHash } from 'node:crypto';
import type { Context } from '../context.js';
import type { Network } from '../network.js';
import type { Region } from './action.js';
import { ensureGroups } from './ec2/groups.js';
import { ensureSandboxKey } from './ec2/keys.js';
import { resumeTransitions } from './ec2/power.js';
import { profileOf } from './faults/profile.js';
import { openStore } from './store.js';

/**
 * Opens the stored region of a sandbox and resumes unfinished instance transitions.
 * @param publicKey the sandbox's key in authorized_keys format
 */
export async function openRegion(
  context: Context,
  sandbox: string,
  network: Network,
  image: string,
  publicKey: string,
): Promise<Region> {
  const store = await openStore(context, sandbox);
  let random = seededRandom(profileOf({ store, network }).seed);
  const region: Region = {
    ...{ context, sandbox, network, image, store, random: (key) => random(key) },
    reseed: (seed) => {
      random = seededRandom(seed);
    },
  };
  await ensureGroups(region);
  await ensureSandboxKey(region, publicKey);
  await resumeTransitions(region);
  return region;
}

/** Returns a generator of numbers from 0 to 1: the same seed gives each key the same sequence. */
export function seededRandom(seed: string): (key?: string) => number {
  const counts = new Map<string, number>();
  return (key = '') => {
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return createHash('sha256').update(`${seed}/${key}/${count}`).digest().readUInt32BE() / 2 ** 32;
  };
}
