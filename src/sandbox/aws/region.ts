import { createHash } from 'node:crypto';
import type { Context } from '../context.js';
import type { Network } from '../network.js';
import type { Region } from './action.js';
import { ensureGroups } from './ec2/groups.js';
import { ensureOwnKey } from './ec2/keys.js';
import { resume } from './ec2/power.js';
import { profileOf } from './faults/profile.js';
import { openStore } from './store.js';

/**
 * The region of a sandbox, as the endpoint before this one has left it: what that one had begun goes on.
 * @param publicKey the sandbox's own, as authorized_keys writes it
 */
export async function openRegion(
  context: Context,
  sandbox: string,
  network: Network,
  image: string,
  publicKey: string,
): Promise<Region> {
  const store = await openStore(context, sandbox);
  let next = seeded(profileOf({ store, network }).seed);
  const region: Region = {
    ...{ context, sandbox, network, image, store, random: (of) => next(of) },
    reseed: (seed) => {
      next = seeded(seed);
    },
  };
  await ensureGroups(region);
  await ensureOwnKey(region, publicKey);
  await resume(region);
  return region;
}

/** Numbers from 0 to 1 that are the same for the same seed, in a row for each thing that they are drawn for. */
export function seeded(seed: string): (of?: string) => number {
  const drawn = new Map<string, number>();
  return (of = '') => {
    const count = (drawn.get(of) ?? 0) + 1;
    drawn.set(of, count);
    return createHash('sha256').update(`${seed}/${of}/${count}`).digest().readUInt32BE() / 2 ** 32;
  };
}
