import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { CopyCount } from './copy-count.js';
import { localFailure } from './local-failure.js';

/**
 * Packs a local file or folder as a tar archive under `name`, or the contents of the folder without one. Keeps links, and
 * makes root the owner, as `docker cp` does. Throws a Failure if something cannot be read.
 */
export async function* pack(
  path: string,
  name: string | undefined,
  count: CopyCount,
): AsyncGenerator<Buffer> {
  const { Pack } = await import('tar');
  const top = basename(path);
  const named = (own: string) => (name === undefined ? own : name + own.slice(top.length));
  try {
    const archive = new Pack({
      cwd: name === undefined ? path : dirname(path),
      // Otherwise names that look like a Windows drive are changed.
      preservePaths: true,
      // Parallel jobs sometimes fail on hard links.
      jobs: 1,
      onWriteEntry: (entry) => {
        entry.path = named(entry.path);
        if (entry.type === 'Link' && entry.linkpath !== undefined) entry.linkpath = named(entry.linkpath);
        if (entry.stat !== undefined) Object.assign(entry.stat, { uid: 0, gid: 0 });
        if (entry.type === 'File') count.add(entry.stat?.size ?? 0);
      },
    });
    for (const each of name === undefined ? await readdir(path) : [top]) archive.add(each);
    archive.end();
    yield* archive;
  } catch (error) {
    throw localFailure(`cannot read ${path}`, error);
  }
}
