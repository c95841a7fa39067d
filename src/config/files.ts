import { readdir, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { Failure } from '../domain/failure.js';

/** Read access to configuration files. */
export interface Files {
  /** Returns the text of a file, or undefined if it does not exist. */
  read(path: string): Promise<string | undefined>;
  /** Returns the names in a folder, empty if it does not exist. */
  list(folder: string): Promise<readonly string[]>;
}

/** Bytes. */
const maxSize = 8 * 1024 * 1024;

/** Files on this machine. Throws a usage failure `config.unreadable` for a file that exists but cannot be read. */
export const localFiles: Files = {
  read: (path) => orWhenMissing(path, readText(path), undefined),
  list: (folder) => orWhenMissing(folder, readdir(folder), []),
};

async function readText(path: string): Promise<string> {
  const found = await stat(path);
  // Reading a device or a pipe may never end.
  const wrong = !found.isFile() ? 'not a file' : found.size > maxSize ? 'larger than 8 MiB' : undefined;
  if (wrong !== undefined) throw new Failure('usage', 'config.unreadable', `cannot read ${path}: ${wrong}`);
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
    throw new Failure('usage', 'config.unreadable', `cannot read ${path}: ${code}`, { cause });
  }
}

/** Resolves a path against a folder; `~` is the home folder. */
export function absolutePath(path: string, folder: string, home: string): string {
  if (path === '~') return home;
  return path.startsWith('~/') ? join(home, path.slice(2)) : resolve(folder, path);
}

/** Returns the path relative to `cwd` if it is below it, else unchanged. */
export function shortPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short;
}
