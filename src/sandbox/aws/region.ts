import { createHash } from 'node:crypto';
import type { Context } from '../context.js';
import type { Network } from '../network.js';
import type { Region } from './action.js';
import { ensureGroups } from './ec2/groups.js';
import { ensureOwnKey } from './ec2/keys.js';
import { resume } from './ec2/power.js';
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
  const region: Region = { context, sandbox, network, image, store, random: seeded(network.id) };
  await ensureGroups(region);
  await ensureOwnKey(region, publicKey);
  await resume(region);
  return region;
}

/** Numbers from 0 to 1 that are the same for the same seed. */
export function seeded(seed: string): () => number {
  let drawn = 0;
  return () => {
    drawn += 1;
    return createHash('sha256').update(`${seed}/${drawn}`).digest().readUInt32BE() / 2 ** 32;
  };
}
