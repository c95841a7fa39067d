import type { Filter } from '@aws-sdk/client-ec2';
import { AwsError } from '../action.js';

/** The filters of an action: by name, how to read an item's values. */
export type Filters<T> = Readonly<Record<string, (item: T) => readonly (string | undefined)[]>>;

/** Tags in the format of EC2. */
export type Tags = readonly { readonly Key: string; readonly Value: string }[];

/**
 * Returns the items that match one value of every filter; values may contain `*` and `?`.
 * @param tagsOf reads the tags for `tag:KEY` and `tag-key`
 * @throws AwsError if a filter is unknown
 */
export function applyFilters<T>(
  items: readonly T[],
  filters: readonly Filter[] | undefined,
  known: Filters<T>,
  tagsOf: (item: T) => Tags = () => [],
): readonly T[] {
  return (filters ?? []).reduce<readonly T[]>((remaining, { Name = '', Values = [] }) => {
    const read = filterFor(Name, known, tagsOf);
    if (read === undefined) throw new AwsError('InvalidParameterValue', `The filter '${Name}' is invalid`);
    return remaining.filter((item) =>
      read(item).some(
        (value) => value !== undefined && Values.some((wanted) => matchesPattern(wanted, value)),
      ),
    );
  }, items);
}

function filterFor<T>(name: string, known: Filters<T>, tagsOf: (item: T) => Tags) {
  if (name === 'tag-key') return (item: T) => tagsOf(item).map(({ Key }) => Key);
  if (name.startsWith('tag:'))
    return (item: T) =>
      tagsOf(item)
        .filter(({ Key }) => Key === name.slice('tag:'.length))
        .map(({ Value }) => Value);
  return Object.hasOwn(known, name) ? known[name] : undefined;
}

/** Returns whether the text matches the pattern; never slower than the product of both lengths. */
export function matchesPattern(pattern: string, text: string): boolean {
  let [at, from, star, mark] = [0, 0, -1, 0];
  while (from < text.length) {
    const character = pattern[at];
    if (character === '*') [star, mark, at] = [at, from, at + 1];
    else if (character === '?' || character === text[from]) [at, from] = [at + 1, from + 1];
    else if (star >= 0) [at, mark, from] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}

/**
 * Returns the items with these IDs, in this order; all items if `ids` is empty.
 * @param missing creates the error for an unknown ID
 */
export function selectByIds<T>(
  items: readonly T[],
  ids: readonly string[] | undefined,
  idOf: (found: T) => string | undefined,
  missing: (id: string) => AwsError,
): readonly T[] {
  if (ids === undefined || ids.length === 0) return items;
  return [...new Set(ids)].map((id) => {
    const found = items.find((item) => idOf(item) === id);
    if (found === undefined) throw missing(id);
    return found;
  });
}

/** Returns a factory of errors such as "The security group 'sg-1' does not exist". */
export function notFound(code: string, noun: string): (id: string) => AwsError {
  return (id) => new AwsError(code, `The ${noun} '${id}' does not exist`);
}

/**
 * Returns a page of the items, sorted by ID, and the token of the next; all items if the request has no page. A token
 * holds the last ID of the previous page, so changes in between neither repeat nor skip items.
 */
export function paginate<T>(
  items: readonly T[],
  idOf: (item: T) => string,
  { MaxResults, NextToken }: { MaxResults?: number | undefined; NextToken?: string | undefined },
): { readonly items: readonly T[]; readonly NextToken?: string } {
  if (MaxResults !== undefined && (MaxResults < 5 || MaxResults > 1_000))
    throw new AwsError(
      'InvalidParameterValue',
      `Value ( ${MaxResults} ) for parameter maxResults is invalid.`,
    );
  if (MaxResults === undefined && NextToken === undefined) return { items };
  const sorted = [...items].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  const after = NextToken === undefined ? '' : Buffer.from(NextToken, 'base64url').toString();
  if (NextToken !== undefined && !/^[\w.-]+$/.test(after))
    throw new AwsError('InvalidParameterValue', 'Unable to parse pagination token');
  const rest = NextToken === undefined ? sorted : sorted.filter((item) => idOf(item) > after);
  const shown = MaxResults === undefined ? rest : rest.slice(0, MaxResults);
  const last = shown.at(-1);
  if (last === undefined || shown.length === rest.length) return { items: shown };
  return { items: shown, NextToken: Buffer.from(idOf(last)).toString('base64url') };
}
