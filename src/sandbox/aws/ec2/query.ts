import type { Filter } from '@aws-sdk/client-ec2';
import { AwsError } from '../action.js';

/** What the filters of an action look at: by a filter's name, the values that a thing has. */
export type Facets<T> = Readonly<Record<string, (thing: T) => readonly (string | undefined)[]>>;

export type Tags = readonly { readonly Key: string; readonly Value: string }[];

/**
 * The things that match all filters, each by one of its values, in which `*` and `?` stand for any signs.
 * @param tagsOf what `tag:KEY` and `tag-key` look at
 * @throws AwsError for a filter that `facets` do not have
 */
export function filtered<T>(
  things: readonly T[],
  filters: readonly Filter[] | undefined,
  facets: Facets<T>,
  tagsOf: (thing: T) => Tags = () => [],
): readonly T[] {
  return (filters ?? []).reduce<readonly T[]>((left, { Name = '', Values = [] }) => {
    const look = facetOf(Name, facets, tagsOf);
    if (look === undefined) throw new AwsError('InvalidParameterValue', `The filter '${Name}' is invalid`);
    return left.filter((thing) =>
      look(thing).some((value) => value !== undefined && Values.some((wanted) => fits(wanted, value))),
    );
  }, things);
}

function facetOf<T>(name: string, facets: Facets<T>, tagsOf: (thing: T) => Tags) {
  if (name === 'tag-key') return (thing: T) => tagsOf(thing).map(({ Key }) => Key);
  if (name.startsWith('tag:'))
    return (thing: T) =>
      tagsOf(thing)
        .filter(({ Key }) => Key === name.slice('tag:'.length))
        .map(({ Value }) => Value);
  return Object.hasOwn(facets, name) ? facets[name] : undefined;
}

/** Whether the text is like the pattern. Its time grows with the product of both lengths, whatever they say. */
export function fits(pattern: string, text: string): boolean {
  let [at, from, star, mark] = [0, 0, -1, 0];
  while (from < text.length) {
    const sign = pattern[at];
    if (sign === '*') [star, mark, at] = [at, from, at + 1];
    else if (sign === '?' || sign === text[from]) [at, from] = [at + 1, from + 1];
    else if (star >= 0) [at, mark, from] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}

/**
 * The things with these IDs, in the order of the IDs; all of them where no IDs are given.
 * @param missing what is thrown for an ID that no thing has
 */
export function chosen<T>(
  things: readonly T[],
  ids: readonly string[] | undefined,
  idOf: (thing: T) => string | undefined,
  missing: (id: string) => AwsError,
): readonly T[] {
  if (ids === undefined || ids.length === 0) return things;
  return [...new Set(ids)].map((id) => {
    const thing = things.find((one) => idOf(one) === id);
    if (thing === undefined) throw missing(id);
    return thing;
  });
}

/** `InvalidGroup.NotFound`: The security group 'sg-1' does not exist. */
export function notFound(code: string, what: string): (id: string) => AwsError {
  return (id) => new AwsError(code, `The ${what} '${id}' does not exist`);
}

/**
 * One page of the things, by their IDs, and the token of the next; all as they are where nobody asks for pages. A token
 * names the thing before the page, so that what comes and goes meanwhile is neither shown twice nor hides another.
 */
export function page<T>(
  things: readonly T[],
  idOf: (thing: T) => string,
  { MaxResults, NextToken }: { MaxResults?: number | undefined; NextToken?: string | undefined },
): { readonly shown: readonly T[]; readonly NextToken?: string } {
  if (MaxResults !== undefined && (MaxResults < 5 || MaxResults > 1_000))
    throw new AwsError(
      'InvalidParameterValue',
      `Value ( ${MaxResults} ) for parameter maxResults is invalid.`,
    );
  if (MaxResults === undefined && NextToken === undefined) return { shown: things };
  const sorted = [...things].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  const after = NextToken === undefined ? '' : Buffer.from(NextToken, 'base64url').toString();
  if (NextToken !== undefined && !/^[\w.-]+$/.test(after))
    throw new AwsError('InvalidParameterValue', 'Unable to parse pagination token');
  const rest = NextToken === undefined ? sorted : sorted.filter((thing) => idOf(thing) > after);
  const shown = MaxResults === undefined ? rest : rest.slice(0, MaxResults);
  const last = shown.at(-1);
  if (last === undefined || shown.length === rest.length) return { shown };
  return { shown, NextToken: Buffer.from(idOf(last)).toString('base64url') };
}
