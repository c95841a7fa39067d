import type { Downtime } from '../app/downtime.js';
import { timeOfDay } from '../domain/clock.js';
import { duration } from '../domain/measure.js';
import { onHosts } from './text.js';

/** Returns how long a service did not run: `1.2s on web-1`, or `up to 1.2s per host`; undefined if it always did. */
export function downText(of: readonly Downtime[]): string | undefined {
  const [first, ...others] = of;
  if (first === undefined) return undefined;
  if (others.length === 0) return `${duration(first.ms)} on ${first.host}`;
  return `up to ${duration(Math.max(...of.map(({ ms }) => ms)))} per host`;
}

/** Returns the downtimes of a failed run, one text per service and state: `web for 1.2s on web-1`, `web on web-2 since 03:12:44`. */
export function downTexts(all: readonly Downtime[]): string[] {
  const groups = new Map<string, Downtime[]>();
  for (const one of all) {
    const key = JSON.stringify([one.service, one.since === undefined]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const places = onHosts(
      group.map(({ host }) => host),
      40,
    );
    if (first.since === undefined) {
      const longest = duration(Math.max(...group.map(({ ms }) => ms)));
      return `${first.service} for ${group.length === 1 ? '' : 'up to '}${longest} ${places}`;
    }
    const since = group.flatMap((one) => one.since ?? []).sort()[0] ?? first.since;
    return `${first.service} ${places} since ${timeOfDay(new Date(since))}`;
  });
}
