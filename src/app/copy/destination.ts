import { posix } from 'node:path';
import { Failure } from '../../domain/failure.js';

/** The source of a copy. */
export interface CopySource {
  /** As typed. */
  readonly path: string;
  readonly isFolder: boolean;
}

/** The target of a copy, before it is resolved. */
export interface CopyTarget {
  /** Absolute, with a final link followed. */
  readonly path: string;
  readonly kind: 'folder' | 'file' | 'missing';
  /** Whether the path ends with a slash or a dot. */
  readonly mustBeFolder: boolean;
}

/** The destination of a copy. */
export interface Destination {
  /** An existing folder. */
  readonly folder: string;
  /** The name in that folder; undefined to copy contents into the folder itself. */
  readonly name?: string;
}

/** Whether the path means the contents of a folder, as `.` and `folder/.` do. */
export const isContents = (path: string) => /(^|\/)\.\/?$/.test(path);

/** Whether the path must be a folder. */
export const mustBeFolder = (path: string) => path.endsWith('/') || isContents(path);

/** Resolves a target by the rules of `docker cp`. Throws a Failure if a file would replace a folder or a folder a file. */
export function destinationOf(source: CopySource, target: CopyTarget): Destination {
  const folder = posix.dirname(target.path);
  const name = posix.basename(target.path);
  if (target.kind === 'folder') {
    if (source.isFolder && isContents(source.path)) return { folder: target.path };
    return { folder: target.path, name: posix.basename(posix.resolve('/', source.path)) };
  }
  if (target.mustBeFolder && (target.kind === 'file' || !source.isFolder))
    throw refused(`folder ${target.path} does not exist`);
  if (target.kind === 'file' && source.isFolder)
    throw refused(`${target.path} is a file, but ${source.path} is a folder`);
  return { folder, name };
}

function refused(message: string): Failure {
  return new Failure('failed', 'copy.target', message, { hint: 'name an existing folder' });
}
