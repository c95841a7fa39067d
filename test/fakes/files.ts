import { posix } from 'node:path';
import type { PathFacts } from '../../src/host/host.js';
import { entriesOf, type TarEntry, tarOf } from './tar.js';

/** The files of a container, by absolute path. */
export class FakeFiles {
  readonly #entries = new Map<string, TarEntry>([
    ['/', { path: '/', type: 'Directory' }],
    ['/tmp', { path: '/tmp', type: 'Directory' }],
  ]);
  /** An archive to send for every path. */
  override: Buffer | undefined;

  put(path: string, entry: Omit<TarEntry, 'path'>): void {
    this.#entries.set(path, { ...entry, path });
  }

  get(path: string): Omit<TarEntry, 'path'> | undefined {
    const found = this.#entries.get(path);
    if (found === undefined) return undefined;
    const { path: _, ...entry } = found;
    return entry;
  }

  /** All paths, except those of every container. */
  paths(): readonly string[] {
    return [...this.#entries.keys()].filter((path) => path !== '/' && path !== '/tmp').sort();
  }

  facts(path: string): PathFacts | undefined {
    const entry = this.#entries.get(clean(path));
    if (entry === undefined) return undefined;
    const link = entry.link === undefined ? {} : { link: entry.link };
    const facts = { name: posix.basename(clean(path)), isFolder: entry.type === 'Directory' };
    return { ...facts, size: entry.data?.length ?? 0, ...link };
  }

  pack(path: string): Buffer | undefined {
    if (this.override !== undefined) return this.override;
    const top = clean(path);
    const found = [...this.#entries].filter(([own]) => own === top || own.startsWith(`${top}/`));
    if (found.length === 0) return undefined;
    return tarOf(
      found.map(([own, entry]) => {
        const name = posix.relative(posix.dirname(top), own);
        return { ...entry, path: entry.type === 'Directory' ? `${name}/` : name };
      }),
    );
  }

  async unpack(folder: string, archive: AsyncIterable<Buffer>): Promise<void> {
    for (const entry of await entriesOf(archive)) this.put(clean(posix.join(folder, entry.path)), entry);
  }
}

const clean = (path: string) => posix.resolve('/', path);
