const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Formats a duration in ms: `0.1s`, `42.0s`, `1m 3s`, `2h 5m`, `3d 4h`. */
export function duration(ms: number): string {
  if (ms < minute - 50) return `${(Math.max(0, ms) / second).toFixed(1)}s`;
  const two = (big: number, small: number, names: readonly [string, string]) => {
    const rounded = Math.round(ms / small) * small;
    return `${Math.floor(rounded / big)}${names[0]} ${Math.round((rounded % big) / small)}${names[1]}`;
  };
  if (Math.round(ms / second) < hour / second) return two(minute, second, ['m', 's']);
  if (Math.round(ms / minute) < day / minute) return two(hour, minute, ['h', 'm']);
  return two(day, hour, ['d', 'h']);
}

const spans: readonly (readonly [number, string])[] = [
  [365 * day, 'year'],
  [30 * day, 'month'],
  [7 * day, 'week'],
  [day, 'day'],
  [hour, 'hour'],
  [minute, 'minute'],
];

/** Formats the time since `then`: `just now`, `3 minutes ago`. Future times give `just now`. */
export function ago(then: Date, now: Date): string {
  const ms = now.getTime() - then.getTime();
  for (const [span, name] of spans) {
    const number = Math.floor(ms / span);
    if (number >= 1) return `${number} ${name}${number === 1 ? '' : 's'} ago`;
  }
  return 'just now';
}

/** Like {@link ago}, for narrow columns: `3 min ago`. */
export function agoBriefly(then: Date, now: Date): string {
  return ago(then, now).replace(/ minutes? ago/, ' min ago');
}

/** Formats a size in bytes in decimal units, as Docker does: `512 B`, `40.2 MB`. */
export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = size;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Formats a count: `1 host`, `3 hosts`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
