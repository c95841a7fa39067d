import { AwsError } from '../action.js';

/** Returns a `ValidationError`. */
export function invalid(message: string): AwsError {
  return new AwsError('ValidationError', message);
}

/** Returns a required value. @throws AwsError `ValidationError` if it is missing */
export function required<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw invalid(
    `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
  );
}

/** Returns an integer from `min` to `max`. @throws AwsError `ValidationError` */
export function inRange(value: number, name: string, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${name} must be between ${min} and ${max}`);
}

/**
 * Validates the name of a load balancer or target group.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
 */
export function validName(value: string | undefined, kind: string): string {
  const name = required(value, 'name');
  if (name.length > 32) throw invalid(`${kind} name '${name}' cannot be longer than '32' characters`);
  if (!/^[A-Za-z0-9-]*$/.test(name))
    throw invalid(`${kind} name '${name}' can only contain characters that are alphanumeric or hyphens(-)`);
  if (/^-|-$|^$/.test(name)) throw invalid(`${kind} name '${name}' cannot begin or end with '-'`);
  if (name.startsWith('internal-')) throw invalid(`${kind} name '${name}' cannot begin with 'internal-'`);
  return name;
}

interface PageRequest {
  readonly PageSize?: number | undefined;
  readonly Marker?: string | undefined;
}

/** Returns a page of `items`, and the marker of the next: the ARN of its first item. */
export function paginate<T extends { readonly arn: string }>(
  items: readonly T[],
  { PageSize, Marker }: PageRequest,
): { readonly items: readonly T[]; readonly NextMarker?: string } {
  const size = inRange(PageSize ?? 400, 'PageSize', 1, 400);
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

/** Converts tags or attributes of a request. */
export function toRecord(list: readonly Pair[] | undefined): Record<string, string> {
  return Object.fromEntries((list ?? []).map(({ Key, Value }) => [required(Key, 'key'), Value ?? '']));
}

/** Converts tags or attributes for a response. */
export function toPairs(record: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(record).map(([Key, Value]) => ({ Key, Value }));
}

/** Merges the attributes of a request into the known ones. @throws AwsError `ValidationError` for an unknown key */
export function mergeAttributes(
  known: Readonly<Record<string, string>>,
  list: readonly Pair[] | undefined,
  kind: string,
): Record<string, string> {
  const wanted = toRecord(list);
  const unknown = Object.keys(wanted).find((key) => !(key in known));
  if (unknown !== undefined) throw invalid(`${kind} attribute key '${unknown}' is not recognized`);
  return { ...known, ...wanted };
}
