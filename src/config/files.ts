import { readdir, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { Failure } from '../domain/failure.js';

/** The files that a configuration is read from. */
export interface Files {
  /** The text of a file, undefined when there is none. */
  read(path: string): Promise<string | undefined>;
  /** The names in a folder, none when there is no folder. */
  list(folder: string): Promise<readonly string[]>;
}

/** Larger files are nobody's configuration. Bytes. */
const largest = 8 * 1024 * 1024;

/** The files of this machine. What is there and cannot be read is a usage failure `config.unreadable`. */
export const localFiles: Files = {
  read: (path) => orWhenMissing(path, readText(path), undefined),
  list: (folder) => orWhenMissing(folder, readdir(folder), []),
};

async function readText(path: string): Promise<string> {
  const found = await stat(path);
  // A device or a pipe may never end.
  const wrong = !found.isFile() ? 'not a file' : found.size > largest ? 'larger than 8 MiB' : undefined;
  if (wrong !== undefined)
    throw new Failure('usage', 'config.unreadable', `${path} cannot be read: it is ${wrong}`);
  return readFile(path, 'utf8');
}

async function orWhenMissing<T, U>(path: string, content: Promise<T>, missing: U): Promise<T | U> {
  try {
    return await content;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const code =
      typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') return missing;
    throw new Failure('usage', 'config.unreadable', `${path} cannot be read (${code})`, { cause });
  }
}

/** A path as written, from a folder on; `~` is the home folder. */
export function absolutePath(written: string, folder: string, home: string): string {
  if (written === '~') return home;
  return written.startsWith('~/') ? join(home, written.slice(2)) : resolve(folder, written);
}

/** A path as people want to see it: from where they are, when it is below. */
export function shortPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short;
}
