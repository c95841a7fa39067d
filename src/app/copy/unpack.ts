import type { Stats } from 'node:fs';
import { chmod, link, lstat, lutimes, mkdir, open, rename, rm, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReadEntry } from 'tar';
import { Failure } from '../../domain/failure.js';
import type { CopyCount } from './copy-count.js';
import type { Destination } from './destination.js';
import { codeOf, localFailure } from './local-failure.js';

/** Drops setuid bits: a host must not create programs that run as another user. */
const permissionBits = 0o777;
/** The entry types of files in old and new archives. */
const fileTypes: readonly string[] = ['File', 'OldFile', 'ContiguousFile'];

/**
 * Unpacks an untrusted archive from a host. Never writes outside of the destination: throws a Failure for names that lead
 * out of it, follows no links, and creates links last. Keeps modes and times, skips special files, and replaces files
 * atomically.
 */
export async function unpack(
  archive: AsyncIterable<Buffer>,
  destination: Destination,
  count: CopyCount,
): Promise<void> {
  const unpacking = new Unpacking(destination, count);
  try {
    await eachEntry(archive, (entry) => unpacking.take(entry));
    await unpacking.finish();
  } catch (error) {
    throw localFailure(`cannot write to ${destination.folder}`, error);
  }
}

/** Calls `act` with the entries one after the other; discards unread data. */
async function eachEntry(
  archive: AsyncIterable<Buffer>,
  act: (entry: ReadEntry) => Promise<void>,
): Promise<void> {
  const { Parser } = await import('tar');
  const parser = new Parser({ strict: true });
  let work = Promise.resolve();
  let current: ReadEntry | undefined;
  const finished = new Promise<void>((resolve, reject) => {
    parser.on('entry', (entry: ReadEntry) => {
      current = entry;
      work = work.then(() => act(entry)).then(() => void entry.resume());
      work.catch(reject);
    });
    parser.on('end', () => void work.then(resolve, reject));
    parser.on('error', (cause: Error) => reject(invalidArchive(cause.message, cause)));
  });
  finished.catch(() => undefined);
  try {
    for await (const chunk of archive) {
      const drained = new Promise((resolve) => parser.once('drain', resolve));
      if (!parser.write(chunk)) await Promise.race([drained, finished]);
    }
    parser.end();
    await finished;
  } catch (error) {
    // Its reader then sees that the entry is incomplete.
    current?.end();
    await work.catch(() => undefined);
    throw error;
  }
}

function invalidArchive(reason: string, cause?: unknown): Failure {
  return new Failure('failed', 'copy.archive', `the archive is invalid: ${reason}`, { cause });
}

/** An entry and its local path. */
interface Extracted {
  readonly path: string;
  readonly mode: number;
  readonly mtime: Date;
}

class Unpacking {
  readonly #landing: Destination;
  readonly #tally: CopyCount;
  readonly #folders: Extracted[] = [];
  readonly #links: (Extracted & { readonly parts: readonly string[]; readonly to: string })[] = [];

  constructor(destination: Destination, count: CopyCount) {
    this.#landing = destination;
    this.#tally = count;
  }

  async take(entry: ReadEntry): Promise<void> {
    const parts = this.#pathParts(entry.path);
    if (parts.length === 0) return;
    const placed = {
      path: join(this.#landing.folder, ...parts),
      mode: (entry.mode ?? 0o644) & permissionBits,
      mtime: entry.mtime ?? new Date(0),
    };
    if (entry.type === 'Directory') {
      await this.#makeFolders(parts);
      this.#folders.push(placed);
    } else if (entry.type === 'SymbolicLink') {
      this.#links.push({ ...placed, parts, to: entry.linkpath ?? '' });
    } else if (entry.type === 'Link') await this.#linkTo(this.#pathParts(entry.linkpath ?? ''), parts);
    else if (fileTypes.includes(entry.type)) await this.#write(entry, parts, placed);
  }

  /** Creates the links and sets folder modes, after everything else is written. */
  async finish(): Promise<void> {
    for (const { parts, path, to, mtime } of this.#links) {
      await this.#clear(parts);
      await symlink(to, path);
      await lutimes(path, mtime, mtime);
    }
    // Innermost first: a mode may lock its folder, and writing changes its time.
    for (const { path, mode, mtime } of this.#folders.reverse()) {
      await chmod(path, mode);
      await utimes(path, mtime, mtime);
    }
  }

  /** The parts of an entry's path below the destination folder; none for the folder itself. */
  #pathParts(name: string): readonly string[] {
    const [, ...parts] = name.split('/').filter((part) => part !== '' && part !== '.');
    if (name.startsWith('/') || name.includes('\0') || name.split('/').includes('..'))
      throw new Failure(
        'failed',
        'copy.archive',
        `the archive contains "${name}", which is outside of the copied folder`,
        {
          hint: 'do not trust this host: Docker never creates such archives',
        },
      );
    return this.#landing.name === undefined ? parts : [this.#landing.name, ...parts];
  }

  async #write(entry: ReadEntry, parts: readonly string[], { path, mode, mtime }: Extracted): Promise<void> {
    await this.#clear(parts, { keep: true });
    const part = join(path, '..', `.oneclick-${process.pid}`);
    await rm(part, { force: true });
    // `x` never follows an existing link.
    const file = await open(part, 'wx', 0o600);
    try {
      let written = 0;
      for await (const chunk of entry) {
        await file.writeFile(chunk);
        written += chunk.length;
      }
      if (written !== entry.size) throw invalidArchive(`${entry.path} is incomplete`);
      await file.chmod(mode);
      await file.utimes(mtime, mtime);
      await file.close();
      await rename(part, path);
    } catch (error) {
      await file.close();
      await rm(part, { force: true });
      throw error;
    }
    this.#tally.add(entry.size);
  }

  /** Creates a hard link to a file that was unpacked before. */
  async #linkTo(to: readonly string[], parts: readonly string[]): Promise<void> {
    await this.#makeFolders(to.slice(0, -1));
    const from = join(this.#landing.folder, ...to);
    const found = await lstatIfExists(from);
    if (found?.isFile() !== true)
      throw new Failure(
        'failed',
        'copy.archive',
        `the archive has a hard link to ${from}, which is not a file`,
      );
    const path = join(this.#landing.folder, ...parts);
    if (path === from) return;
    await this.#clear(parts);
    await link(from, path);
  }

  /** Creates the parent folders, and removes an existing file unless `keep` is set. */
  async #clear(parts: readonly string[], { keep = false }: { readonly keep?: boolean } = {}): Promise<void> {
    await this.#makeFolders(parts.slice(0, -1));
    const path = join(this.#landing.folder, ...parts);
    const found = await lstatIfExists(path);
    if (found?.isDirectory()) throw pathTaken(path, 'a folder');
    if (found !== undefined && !keep) await rm(path);
  }

  async #makeFolders(parts: readonly string[]): Promise<void> {
    let path = this.#landing.folder;
    for (const part of parts) {
      path = join(path, part);
      const found = await lstatIfExists(path);
      if (found === undefined) await mkdir(path);
      else if (!found.isDirectory()) throw pathTaken(path, found.isSymbolicLink() ? 'a link' : 'a file');
    }
  }
}

async function lstatIfExists(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function pathTaken(path: string, kind: string): Failure {
  return new Failure('failed', 'copy.in-the-way', `${path} already exists and is ${kind}`, {
    hint: 'move it away, or copy to another folder',
  });
}
