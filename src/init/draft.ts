import { given } from '../domain/given.js';
/** `file:line` */
export type DraftPlace = string;

/** A value of a draft with its source, which becomes a comment. */
export class Annotated {
  readonly value: unknown;
  /** The reason in a few words: `EXPOSE`. */
  readonly why: string;
  readonly from: DraftPlace | undefined;

  constructor(value: unknown, why: string, from?: DraftPlace) {
    this.value = value;
    this.why = why;
    this.from = from;
  }
}

/** A key that was not converted, or not exactly. */
export interface SkippedKey {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `services.web.networks` */
  readonly key: string;
  /** The reason and the alternative. */
  readonly message: string;
}

/** The keys of a service in `oneclick.yml`, with {@link Annotated} values at any depth. */
export type DraftService = Readonly<Record<string, unknown>>;

/** A value that a repository does not contain. */
export type Question = 'hosts' | 'registry' | 'image';

/** A draft of `oneclick.yml`. */
export interface Draft {
  readonly project: Annotated;
  readonly registry?: Annotated;
  readonly services: ReadonlyMap<string, Annotated>;
  readonly skipped: readonly SkippedKey[];
  /** Values for the user to fill in. */
  readonly questions: readonly Question[];
}

/** An inferred value and its source, as `init --json` prints it. */
export interface InferredValue {
  /** `services.web.port` */
  readonly key: string;
  readonly value: unknown;
  readonly why: string;
  readonly from: DraftPlace | null;
}

/** Returns all {@link Annotated} values of a draft in text order. */
export function inferredValues({ project, registry, services }: Draft): readonly InferredValue[] {
  const top = {
    project,
    ...given({ registry }),
    services: Object.fromEntries(services),
  };
  return walk(top, '');
}

function walk(value: unknown, key: string): readonly InferredValue[] {
  if (value instanceof Annotated) {
    const inner = stripAnnotations(value.value);
    return [{ key, value: inner, why: value.why, from: value.from ?? null }, ...walk(value.value, key)];
  }
  if (Array.isArray(value)) return value.flatMap((item) => walk(item, key));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) => walk(inner, key === '' ? name : `${key}.${name}`));
}

/** Replaces {@link Annotated} values by their plain values. */
export function stripAnnotations(value: unknown): unknown {
  if (value instanceof Annotated) return stripAnnotations(value.value);
  if (Array.isArray(value)) return value.map(stripAnnotations);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, stripAnnotations(inner)]));
}
