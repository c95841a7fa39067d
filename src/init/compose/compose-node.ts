import { isMap } from '../../config/merge.js';
import type { Path, Source } from '../../domain/source.js';
import type { SkippedKey } from '../draft.js';

/** A value of a compose file with its position; resolves merge keys. */
export class ComposeNode {
  readonly source: Source;
  readonly path: Path;
  readonly value: unknown;
  /** The path for messages, without merge keys: `services.web.image`. */
  readonly key: string;
  #entries: Map<string, ComposeNode> | undefined;

  constructor(source: Source, path: Path, value: unknown, key: string) {
    this.source = source;
    this.path = path;
    this.value = value;
    this.key = key;
  }

  static of(source: Source): ComposeNode {
    return new ComposeNode(source, [], source.value, '');
  }

  /** The entries of a map; its own override merged ones (https://yaml.org/type/merge.html). */
  get entries(): ReadonlyMap<string, ComposeNode> {
    if (this.#entries === undefined) {
      this.#entries = new Map();
      this.#collect(this.#entries, this.value, this.path);
    }
    return this.#entries;
  }

  #collect(found: Map<string, ComposeNode>, value: unknown, path: Path): void {
    if (!isMap(value)) return;
    for (const [key, inner] of Object.entries(value))
      if (key !== '<<' && !found.has(key))
        found.set(
          key,
          new ComposeNode(this.source, [...path, key], inner, this.key === '' ? key : `${this.key}.${key}`),
        );
    const merged = value['<<'];
    if (Array.isArray(merged))
      for (const [index, map] of merged.entries()) this.#collect(found, map, [...path, '<<', index]);
    else if (merged !== undefined) this.#collect(found, merged, [...path, '<<']);
  }

  get(key: string): ComposeNode | undefined {
    return this.entries.get(key);
  }

  /** The items of a list; a scalar or map is its own only item. */
  get items(): readonly ComposeNode[] {
    if (this.value === null || this.value === undefined) return [];
    if (!Array.isArray(this.value)) return [this];
    return this.value.map(
      (item, index) => new ComposeNode(this.source, [...this.path, index], item, this.key),
    );
  }

  /** Returns this node with a name added to its key, for `- NAME=value`. */
  withName(name: string): ComposeNode {
    return new ComposeNode(this.source, this.path, this.value, `${this.key}.${name}`);
  }

  get isMap(): boolean {
    return isMap(this.value);
  }

  /** The source text of a scalar (`1.10`), unquoted; undefined for lists, maps and null. */
  get text(): string | undefined {
    const { value } = this;
    if (typeof value === 'string') return value;
    if (typeof value !== 'number' && typeof value !== 'boolean') return undefined;
    return this.source.written(this.path) ?? String(value);
  }

  /** `compose.yml:12` */
  get location(): string {
    return `${this.source.file}:${this.position.line}`;
  }

  get position(): { readonly file: string; readonly line: number; readonly column: number } {
    const { file, line, column } = this.source.problem(this.path, '', { end: 'key' });
    return { file, line, column };
  }

  skipped(message: string): SkippedKey {
    return { ...this.position, key: this.key, message };
  }
}
