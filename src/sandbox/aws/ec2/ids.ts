import { createHash, randomBytes } from 'node:crypto';
import type { Region } from '../action.js';

/** Returns a random ID: `sg-0123456789abcdef0`. */
export function newId(prefix: string): string {
  return `${prefix}-${randomBytes(9).toString('hex').slice(1)}`;
}

/** Returns the ID of a built-in resource, stable until `down`. */
export function fixedId(region: Pick<Region, 'network'>, prefix: string, name: string): string {
  const digest = createHash('sha256').update(`${region.network.id}/${prefix}/${name}`).digest('hex');
  return `${prefix}-${digest.slice(0, 17)}`;
}
