import type { Stats } from 'node:fs';
import { chmod, link, lstat, lutimes, mkdir, open, rename, rm, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReadEntry } from 'tar';
import { Failure } from '../../domain/failure.js';
import type { Landing } from './landing.js';
import { codeOf, localFailure } from './local-failure.js';
import type { Tally } from './tally.js';

/** What of a mode is kept: no archive of a host makes a program that runs as somebody else. */
const permissions = 0o777;
/** A file, as archives of all ages call it. */
const fileTypes: readonly string[] = ['File', 'OldFile', 'ContiguousFile'];

/**
 * Unpacks an archive that a host sent, and that may hold anything. Nothing is written outside of the landing: a name that
 * leads out is a Failure, and no link is passed on the way to a file, whether it is of the archive or was there
 * before. Links are made as they are, but last: until then none of the archive's is there. Modes and times are kept, what
 * is no file, folder or link is left out, and a file is there whole or as it was before.
 */
export async function unpack(archive: AsyncIterable<Buffer>, landing: Landing, tally: Tally): Promise<void> {
  const unpacking = new Unpacking(landing, tally);
  try {
    await eachEntry(archive, (entry) => unpacking.take(entry));
    await unpacking.finish();
  } catch (error) {
    throw localFailure(`writing to ${landing.folder}`, error);
  }
}

/** Hands over the entries one after the other; what `act` leaves of one is lost. */
async function eachEntry(
  archive: AsyncIterable<Buffer>,
  act: (entry: ReadEntry) => Promise<void>,
): Promise<void> {
  const { Parser } = await import('tar');
  const parser = new Parser({ strict: true });
  let work = Promise.resolve();
  let current: ReadEntry | undefined;
  const over = new Promise<void>((resolve, reject) => {
    parser.on('entry', (entry: ReadEntry) => {
      current = entry;
      work = work.then(() => act(entry)).then(() => void entry.resume());
      work.catch(reject);
    });
    parser.on('end', () => void work.then(resolve, reject));
    parser.on('error', (cause: Error) => reject(broken(cause.message, cause)));
  });
  over.catch(() => undefined);
  try {
    for await (const chunk of archive) {
      const room = new Promise((resolve) => parser.once('drain', resolve));
      if (!parser.write(chunk)) await Promise.race([room, over]);
    }
    parser.end();
    await over;
  } catch (error) {
    // Whoever reads it sees that it is too short.
    current?.end();
    await work.catch(() => undefined);
    throw error;
  }
}

function broken(why: string, cause?: unknown): Failure {
  return new Failure('failed', 'copy.archive', `the archive is broken: ${why}`, { cause });
}

/** An entry with its place on this machine. */
interface Placed {
  readonly path: string;
  readonly mode: number;
  readonly mtime: Date;
}

class Unpacking {
  readonly #landing: Landing;
  readonly #tally: Tally;
  readonly #folders: Placed[] = [];
  readonly #links: (Placed & { readonly parts: readonly string[]; readonly to: string })[] = [];

  constructor(landing: Landing, tally: Tally) {
    this.#landing = landing;
    this.#tally = tally;
  }

  async take(entry: ReadEntry): Promise<void> {
    const parts = this.#place(entry.path);
    if (parts.length === 0) return;
    const placed = {
      path: join(this.#landing.folder, ...parts),
      mode: (entry.mode ?? 0o644) & permissions,
      mtime: entry.mtime ?? new Date(0),
    };
    if (entry.type === 'Directory') {
      await this.#makeFolders(parts);
      this.#folders.push(placed);
    } else if (entry.type === 'SymbolicLink') {
      this.#links.push({ ...placed, parts, to: entry.linkpath ?? '' });
    } else if (entry.type === 'Link') await this.#linkTo(this.#place(entry.linkpath ?? ''), parts);
    else if (fileTypes.includes(entry.type)) await this.#write(entry, parts, placed);
  }

  /** What must wait until everything else is written. */
  async finish(): Promise<void> {
    for (const { parts, path, to, mtime } of this.#links) {
      await this.#clear(parts);
      await symlink(to, path);
      await lutimes(path, mtime, mtime);
    }
    // The innermost first: a folder's time changes with what is put into it, and its mode may keep others out.
    for (const { path, mode, mtime } of this.#folders.reverse()) {
      await chmod(path, mode);
      await utimes(path, mtime, mtime);
    }
  }

  /** Where a name of the archive leads, below the folder of the landing; no parts are that folder itself. */
  #place(name: string): readonly string[] {
    const [, ...parts] = name.split('/').filter((part) => part !== '' && part !== '.');
    if (name.startsWith('/') || name.includes('\0') || name.split('/').includes('..'))
      throw new Failure('failed', 'copy.archive', `the archive holds "${name}", which leads out of it`, {
        hint: 'do not trust that host: its engine makes no such archive',
      });
    return this.#landing.name === undefined ? parts : [this.#landing.name, ...parts];
  }

  async #write(entry: ReadEntry, parts: readonly string[], { path, mode, mtime }: Placed): Promise<void> {
    await this.#clear(parts, { leave: true });
    const part = join(path, '..', `.oneclick-${process.pid}`);
    await rm(part, { force: true });
    // Never through what is there: `x` takes a new file only.
    const file = await open(part, 'wx', 0o600);
    try {
      let written = 0;
      for await (const chunk of entry) {
        await file.writeFile(chunk);
        written += chunk.length;
      }
      if (written !== entry.size) throw broken(`${entry.path} is cut off`);
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

  /** Another name of a file that was unpacked before. */
  async #linkTo(to: readonly string[], parts: readonly string[]): Promise<void> {
    await this.#makeFolders(to.slice(0, -1));
    const from = join(this.#landing.folder, ...to);
    const found = await look(from);
    if (found?.isFile() !== true)
      throw new Failure(
        'failed',
        'copy.archive',
        `the archive has a second name for ${from}, which is no file`,
      );
    const path = join(this.#landing.folder, ...parts);
    if (path === from) return;
    await this.#clear(parts);
    await link(from, path);
  }

  /** Makes way: its folders are there, and what is there under its name is gone, unless that is to be left. */
  async #clear(
    parts: readonly string[],
    { leave = false }: { readonly leave?: boolean } = {},
  ): Promise<void> {
    await this.#makeFolders(parts.slice(0, -1));
    const path = join(this.#landing.folder, ...parts);
    const found = await look(path);
    if (found?.isDirectory()) throw inTheWay(path, 'a folder');
    if (found !== undefined && !leave) await rm(path);
  }

  async #makeFolders(parts: readonly string[]): Promise<void> {
    let path = this.#landing.folder;
    for (const part of parts) {
      path = join(path, part);
      const found = await look(path);
      if (found === undefined) await mkdir(path);
      else if (!found.isDirectory()) throw inTheWay(path, found.isSymbolicLink() ? 'a link' : 'a file');
    }
  }
}

async function look(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function inTheWay(path: string, what: string): Failure {
  return new Failure('failed', 'copy.in-the-way', `${path} is ${what}, and something else is to be there`, {
    hint: 'move it out of the way, or copy to another folder',
  });
}
