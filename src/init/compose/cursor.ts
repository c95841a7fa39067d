import { isMap } from '../../config/merge.js';
import type { Path, Source } from '../../domain/source.js';
import type { Left } from '../draft.js';

/** A value of a compose file, and the way to its place in the text; merge keys are followed. */
export class Cursor {
  readonly source: Source;
  readonly path: Path;
  readonly value: unknown;
  /** The keys that lead here, without those of merges: what people call it. */
  readonly key: string;
  #entries: Map<string, Cursor> | undefined;

  constructor(source: Source, path: Path, value: unknown, key: string) {
    this.source = source;
    this.path = path;
    this.value = value;
    this.key = key;
  }

  static of(source: Source): Cursor {
    return new Cursor(source, [], source.value, '');
  }

  /** The values of a map by key; own ones before merged ones (https://yaml.org/type/merge.html). */
  get entries(): ReadonlyMap<string, Cursor> {
    if (this.#entries === undefined) {
      this.#entries = new Map();
      this.#collect(this.#entries, this.value, this.path);
    }
    return this.#entries;
  }

  #collect(found: Map<string, Cursor>, value: unknown, path: Path): void {
    if (!isMap(value)) return;
    for (const [key, inner] of Object.entries(value))
      if (key !== '<<' && !found.has(key))
        found.set(
          key,
          new Cursor(this.source, [...path, key], inner, this.key === '' ? key : `${this.key}.${key}`),
        );
    const merged = value['<<'];
    if (Array.isArray(merged))
      for (const [index, map] of merged.entries()) this.#collect(found, map, [...path, '<<', index]);
    else if (merged !== undefined) this.#collect(found, merged, [...path, '<<']);
  }

  get(key: string): Cursor | undefined {
    return this.entries.get(key);
  }

  /** The items of a list, or a single value as the only one. */
  get items(): readonly Cursor[] {
    if (this.value === null || this.value === undefined) return [];
    if (!Array.isArray(this.value)) return [this];
    return this.value.map((item, index) => new Cursor(this.source, [...this.path, index], item, this.key));
  }

  /** The same place under a name of its own, as `- NAME=value` has one. */
  called(name: string): Cursor {
    return new Cursor(this.source, this.path, this.value, `${this.key}.${name}`);
  }

  get isMap(): boolean {
    return isMap(this.value);
  }

  /** A single value as it is written (`1.10`), without quotes; undefined for lists, maps and nothing. */
  get text(): string | undefined {
    const { value } = this;
    if (typeof value === 'string') return value;
    if (typeof value !== 'number' && typeof value !== 'boolean') return undefined;
    return this.source.written(this.path) ?? String(value);
  }

  /** `compose.yml:12` */
  get where(): string {
    return `${this.source.file}:${this.place.line}`;
  }

  get place(): { readonly file: string; readonly line: number; readonly column: number } {
    const { file, line, column } = this.source.problem(this.path, '', { end: 'key' });
    return { file, line, column };
  }

  left(message: string): Left {
    return { ...this.place, key: this.key, message };
  }
}
