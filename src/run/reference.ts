import type { Reference } from './plan.js';

/** A resolved input, or the first step whose receipt is missing. */
export type Resolved =
  | { readonly kind: 'value'; readonly value: unknown; readonly from: readonly string[] }
  | { readonly kind: 'waits'; readonly for: string };

/** Resolves references at any depth. Omits keys whose reference has no value. */
export function resolve(input: unknown, receipts: ReadonlyMap<string, unknown>): Resolved {
  const from = referencesIn(input);
  const missing = from.find((step) => !receipts.has(step));
  if (missing !== undefined) return { kind: 'waits', for: missing };
  return { kind: 'value', value: fill(input, receipts), from };
}

/** Returns the steps that an input refers to. */
export function referencesIn(input: unknown): readonly string[] {
  if (isReference(input)) return [input.$from];
  if (typeof input !== 'object' || input === null) return [];
  return Object.values(input).flatMap(referencesIn);
}

function fill(input: unknown, receipts: ReadonlyMap<string, unknown>): unknown {
  if (isReference(input)) return input.path.reduce(field, receipts.get(input.$from));
  if (Array.isArray(input)) return input.map((item) => fill(item, receipts));
  if (typeof input !== 'object' || input === null) return input;
  const entries = Object.entries(input).map(([key, value]) => [key, fill(value, receipts)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function field(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function isReference(value: unknown): value is Reference {
  return typeof value === 'object' && value !== null && typeof (value as Reference).$from === 'string';
}
