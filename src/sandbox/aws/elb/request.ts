import { AwsError } from '../action.js';

/** What ELBv2 answers to a request that does not make sense. */
export function invalid(message: string): AwsError {
  return new AwsError('ValidationError', message);
}

/** @throws AwsError `ValidationError` in the words of AWS when the request lacks it */
export function required<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw invalid(
    `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
  );
}

/** A whole number within both bounds, else `ValidationError`. */
export function within(value: number, name: string, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(`${name} must be between ${least} and ${most}`);
}

/**
 * The name of a load balancer or a target group.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
 */
export function named(value: string | undefined, what: string): string {
  const name = required(value, 'name');
  if (name.length > 32) throw invalid(`${what} name '${name}' cannot be longer than '32' characters`);
  if (!/^[A-Za-z0-9-]*$/.test(name))
    throw invalid(`${what} name '${name}' can only contain characters that are alphanumeric or hyphens(-)`);
  if (/^-|-$|^$/.test(name)) throw invalid(`${what} name '${name}' cannot begin or end with '-'`);
  if (name.startsWith('internal-')) throw invalid(`${what} name '${name}' cannot begin with 'internal-'`);
  return name;
}

interface Paged {
  readonly PageSize?: number | undefined;
  readonly Marker?: string | undefined;
}

/** The part of `items` that the request asks for, and the marker of the next; a marker is the ARN of a page's first. */
export function page<T extends { readonly arn: string }>(
  items: readonly T[],
  { PageSize, Marker }: Paged,
): { readonly items: readonly T[]; readonly NextMarker?: string } {
  const size = within(PageSize ?? 400, 'PageSize', 1, 400);
  const start = Marker === undefined ? 0 : items.findIndex(({ arn }) => arn === Marker);
  if (start < 0) throw invalid(`The marker '${Marker}' is not valid`);
  const next = items[start + size];
  return {
    items: items.slice(start, start + size),
    ...(next === undefined ? {} : { NextMarker: next.arn }),
  };
}

interface Pair {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}

/** Tags or attributes of a request. */
export function pairs(list: readonly Pair[] | undefined): Record<string, string> {
  return Object.fromEntries((list ?? []).map(({ Key, Value }) => [required(Key, 'key'), Value ?? '']));
}

/** Tags or attributes as answers list them. */
export function listed(record: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(record).map(([Key, Value]) => ({ Key, Value }));
}

/**
 * The attributes with those of the request.
 * @throws AwsError `ValidationError` for a key that is not among the known ones
 */
export function changed(
  known: Readonly<Record<string, string>>,
  list: readonly Pair[] | undefined,
  what: string,
): Record<string, string> {
  const wanted = pairs(list);
  const unknown = Object.keys(wanted).find((key) => !(key in known));
  if (unknown !== undefined) throw invalid(`${what} attribute key '${unknown}' is not recognized`);
  return { ...known, ...wanted };
}
