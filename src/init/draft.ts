import { given } from '../domain/given.js';
/** A place in a text that a person wrote, as `file:line`. */
export type DraftPlace = string;

/** A value of a draft that was seen or guessed somewhere, and why it was taken for this. */
export class Noted {
  readonly value: unknown;
  /** What speaks for it, in a few words: `EXPOSE`. */
  readonly why: string;
  readonly from: DraftPlace | undefined;

  constructor(value: unknown, why: string, from?: DraftPlace) {
    this.value = value;
    this.why = why;
    this.from = from;
  }
}

/** Something that was found and has no place in `oneclick.yml`. */
export interface Left {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What it is, as a path: `services.web.networks`. */
  readonly key: string;
  /** Why, and what to do instead. */
  readonly message: string;
}

/** A service as it will be written: the keys of `oneclick.yml`, with {@link Noted} values anywhere in it. */
export type DraftService = Readonly<Record<string, unknown>>;

/** What cannot be seen in a repository. */
export type Question = 'hosts' | 'registry' | 'image';

/** A first `oneclick.yml` before it is text. */
export interface Draft {
  readonly project: Noted;
  readonly registry?: Noted;
  readonly services: ReadonlyMap<string, Noted>;
  readonly left: readonly Left[];
  /** What a person has to fill in. */
  readonly open: readonly Question[];
}

/** A value that was not written down anywhere, and what speaks for it. */
export interface Guess {
  /** `services.web.port` */
  readonly key: string;
  readonly value: unknown;
  readonly why: string;
  readonly from: DraftPlace | null;
}

/** All {@link Noted} values of a draft in the order of the text. */
export function guessesOf({ project, registry, services }: Draft): readonly Guess[] {
  const top = {
    project,
    ...given({ registry }),
    services: Object.fromEntries(services),
  };
  return walk(top, '');
}

function walk(value: unknown, key: string): readonly Guess[] {
  if (value instanceof Noted) {
    const inner = bare(value.value);
    return [{ key, value: inner, why: value.why, from: value.from ?? null }, ...walk(value.value, key)];
  }
  if (Array.isArray(value)) return value.flatMap((item) => walk(item, key));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) => walk(inner, key === '' ? name : `${key}.${name}`));
}

/** The value without what was noted about it. */
export function bare(value: unknown): unknown {
  if (value instanceof Noted) return bare(value.value);
  if (Array.isArray(value)) return value.map(bare);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, bare(inner)]));
}
