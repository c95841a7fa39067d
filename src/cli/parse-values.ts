import { InvalidArgumentError } from 'commander';

/** Throws InvalidArgumentError for anything but a whole number from 0. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}

/** A count from 1, or `always`, as text. Throws InvalidArgumentError for anything else. */
export function countOrAlways(text: string): string {
  if (!/^([1-9]\d{0,8}|always)$/.test(text))
    throw new InvalidArgumentError('must be always or a number from 1');
  return text;
}

/** Seconds; or the text as it is, since the value may be omitted and an argument follow. */
export function secondsOrArgument(text: string): number | string {
  if (!/^\d/.test(text)) return text;
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('must be a number of seconds from 1');
  return Number(text);
}
