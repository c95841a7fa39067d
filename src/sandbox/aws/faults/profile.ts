import { z } from 'zod';
import type { Region } from '../action.js';
import type { Kind, Store } from '../store.js';

/** `fast`: everything is there at once. `realistic`: with the delays of AWS. */
export const profiles = ['fast', 'realistic'] as const;
export type Profile = (typeof profiles)[number];

/** How the region behaves, and what its chances come from: the same seed gives the same numbers in the same order. */
export interface ProfileSettings {
  readonly profile: Profile;
  readonly seed: string;
}

const profileSettings: Kind<ProfileSettings> = {
  name: 'conduct',
  schema: z.object({ profile: z.enum(profiles), seed: z.string() }),
};

/** As it was set last; of a sandbox that nobody has set anything for, `fast` and a seed that is its own. */
export function profileOf({ store, network }: Pick<Region, 'network'> & { store: Store }): ProfileSettings {
  return store.get(profileSettings, 'conduct') ?? { profile: 'fast', seed: network.id };
}

/** Sets what is named. The chances begin anew, so that what follows can be replayed with the same seed. */
export async function setProfile(region: Region, changes: Partial<ProfileSettings>): Promise<void> {
  const conduct = { ...profileOf(region), ...changes };
  region.reseed(conduct.seed);
  await region.store.put(profileSettings, 'conduct', conduct);
}

export function isRealistic(region: Region): boolean {
  return profileOf(region).profile === 'realistic';
}

/**
 * What a delay is drawn from, s. Shorter than those of AWS, where an instance is `running` after 5 to 20 s, its sshd answers 5 to 20 s
 * later, and a dependency or an ID can linger for a minute: enough for every wait to be needed, and no more.
 */
const ranges = {
  /** A new ID is not found by every call. */
  hidden: [2, 8],
  /** An instance is pending. */
  pending: [3, 8],
  /** Its sshd does not answer yet, since it is running; the key is not accepted since then; its engine does not answer since then. */
  sshd: [4, 9],
  key: [1, 4],
  engine: [3, 8],
  /** What nothing refers to any more cannot be deleted. */
  lingering: [3, 10],
  /** A target that was deregistered still gets new requests. */
  leak: [1, 2],
} as const;

/** A delay in whole seconds; with the same seed that of the first instance is the same, however often somebody looked meanwhile. */
export function drawSeconds(region: Region, what: keyof typeof ranges): number {
  const [least, most] = ranges[what];
  return least + Math.floor(region.random(what) * (most - least + 1));
}

/** What is new, and what a Describe may not find yet. */
interface Hideable {
  /** Milliseconds since 1970. */
  readonly hiddenUntil?: number | undefined;
}

/** Until when something that is made now is not found by every call; nothing where it is found at once. */
export function hiddenUntil(region: Region, struck: ReadonlySet<string>): Hideable {
  if (!isRealistic(region) && !struck.has('late')) return {};
  return { hiddenUntil: region.context.clock.now().getTime() + 1_000 * drawSeconds(region, 'hidden') };
}

/** The things that this call finds: about every second one finds none of the new ones, as if it had met an older copy. */
export function found<T>(region: Region, things: readonly T[], of: (thing: T) => Hideable): readonly T[] {
  const now = region.context.clock.now().getTime();
  const isNew = (thing: T) => (of(thing).hiddenUntil ?? 0) > now;
  return things.some(isNew) && region.random('found') < 0.5
    ? things.filter((thing) => !isNew(thing))
    : things;
}
