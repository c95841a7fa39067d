import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { localFailure } from './local-failure.js';
import type { Tally } from './tally.js';

/**
 * A file or folder of this machine as a tar archive, in which it has this name; without one it is the contents of the
 * folder. Links stay links, and everything belongs to root, as with `docker cp`. Throws a Failure when something cannot be read.
 */
export async function* pack(path: string, name: string | undefined, tally: Tally): AsyncGenerator<Buffer> {
  const { Pack } = await import('tar');
  const top = basename(path);
  const named = (own: string) => (name === undefined ? own : name + own.slice(top.length));
  try {
    const archive = new Pack({
      cwd: name === undefined ? path : dirname(path),
      // Names are taken as they are, also those that look like a drive of Windows.
      preservePaths: true,
      // Several at a time now and then break at files that have two names.
      jobs: 1,
      onWriteEntry: (entry) => {
        entry.path = named(entry.path);
        if (entry.type === 'Link' && entry.linkpath !== undefined) entry.linkpath = named(entry.linkpath);
        if (entry.stat !== undefined) Object.assign(entry.stat, { uid: 0, gid: 0 });
        if (entry.type === 'File') tally.add(entry.stat?.size ?? 0);
      },
    });
    for (const each of name === undefined ? await readdir(path) : [top]) archive.add(each);
    archive.end();
    yield* archive;
  } catch (error) {
    throw localFailure(`reading ${path}`, error);
  }
}
