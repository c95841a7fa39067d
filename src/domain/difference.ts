import { given } from './given.js';
import type { ContainerSpec } from './release.js';

/** A configuration key that was changed, added or removed between two releases. */
export interface KeyChange {
  readonly key: string;
  readonly from?: string;
  readonly to?: string;
}

/** Compares the configurations of two releases, except their images. Secrets appear by name only. */
export function specChanges(from: ContainerSpec, to: ContainerSpec): readonly KeyChange[] {
  const [before, after] = [keysOf(from), keysOf(to)];
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys.flatMap((key) => {
    const [old, now] = [before.get(key), after.get(key)];
    if (old === now) return [];
    return [{ key, ...given({ from: old, to: now }) }];
  });
}

function keysOf({ image: _, secrets, ...spec }: ContainerSpec): ReadonlyMap<string, string> {
  return new Map([...secrets.map((name) => [`secrets.${name}`, 'set'] as const), ...leaves('', spec)]);
}

/** Values by dotted path; a list counts as one value. */
function leaves(path: string, value: unknown): readonly (readonly [string, string])[] {
  if (value === undefined) return [];
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return [[path, typeof value === 'string' ? value : JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(path === '' ? key : `${path}.${key}`, inner));
}
