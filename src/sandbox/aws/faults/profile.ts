import { z } from 'zod';
import type { Region } from '../action.js';
import type { Kind, Store } from '../store.js';

/** `fast`: no delays. `realistic`: delays like those of AWS. */
export const profiles = ['fast', 'realistic'] as const;
export type Profile = (typeof profiles)[number];

/** The profile, and the seed of its random delays. */
export interface ProfileSettings {
  readonly profile: Profile;
  readonly seed: string;
}

const profileSettings: Kind<ProfileSettings> = {
  name: 'conduct',
  schema: z.object({ profile: z.enum(profiles), seed: z.string() }),
};

/** Returns the stored settings; by default `fast` and a seed unique to the sandbox. */
export function profileOf({ store, network }: Pick<Region, 'network'> & { store: Store }): ProfileSettings {
  return store.get(profileSettings, 'conduct') ?? { profile: 'fast', seed: network.id };
}

/** Applies `changes` and restarts the random sequences, so that a run can be repeated. */
export async function setProfile(region: Region, changes: Partial<ProfileSettings>): Promise<void> {
  const settings = { ...profileOf(region), ...changes };
  region.reseed(settings.seed);
  await region.store.put(profileSettings, 'conduct', settings);
}

/** Returns whether the profile is `realistic`. */
export function isRealistic(region: Region): boolean {
  return profileOf(region).profile === 'realistic';
}

/**
 * Ranges of delays, s. Shorter than those of AWS (5 to 20 s until `running`, as long again until sshd responds, up to a
 * minute for stale references), but long enough to need every wait. A seed's delays depend on these keys.
 */
const ranges = {
  /** A new ID may be NotFound. */
  hidden: [2, 8],
  /** An instance is pending. */
  pending: [3, 8],
  /** From running to sshd, from there to the accepted key, from there to the engine. */
  sshd: [4, 9],
  key: [1, 4],
  engine: [3, 8],
  /** An ended reference still blocks deletion. */
  lingering: [3, 10],
  /** A deregistered target still gets new requests. */
  leak: [1, 2],
} as const;

/** Draws a delay in whole seconds; independent of the draws for other delays. */
export function drawSeconds(region: Region, delay: keyof typeof ranges): number {
  const [min, max] = ranges[delay];
  return min + Math.floor(region.random(delay) * (max - min + 1));
}

/** A new resource that Describe calls may not find yet. */
interface Hideable {
  /** ms since 1970. */
  readonly hiddenUntil?: number | undefined;
}

/** Returns until when a resource created now may be NotFound; empty if it is visible immediately. */
export function hiddenUntil(region: Region, faults: ReadonlySet<string>): Hideable {
  if (!isRealistic(region) && !faults.has('late')) return {};
  return { hiddenUntil: region.context.clock.now().getTime() + 1_000 * drawSeconds(region, 'hidden') };
}

/** Returns the items that a call finds: half of the calls miss new ones, like a stale replica. */
export function visible<T>(region: Region, items: readonly T[], of: (item: T) => Hideable): readonly T[] {
  const now = region.context.clock.now().getTime();
  const isNew = (item: T) => (of(item).hiddenUntil ?? 0) > now;
  return items.some(isNew) && region.random('found') < 0.5 ? items.filter((item) => !isNew(item)) : items;
}
