import { posix } from 'node:path';
import { Failure } from '../../domain/failure.js';

/** What is copied. */
export interface Source {
  /** As it was written. */
  readonly path: string;
  readonly isFolder: boolean;
}

/** What a copy goes to. */
export interface CopyTarget {
  /** Absolute; what is a link at its end was followed. */
  readonly path: string;
  readonly is: 'folder' | 'file' | 'nothing';
  /** Whether it was written as a folder: with a slash, or a dot, at its end. */
  readonly asFolder: boolean;
}

/** Where what is copied comes to be. */
export interface Landing {
  /** A folder that is there. */
  readonly folder: string;
  /** What it is called in that folder; undefined where it is the contents of a folder that come into it. */
  readonly name?: string;
}

/** Whether the path means what is in a folder, as `.` and `folder/.` do. */
export const isContents = (path: string) => /(^|\/)\.\/?$/.test(path);

/** Whether the path can only be a folder. */
export const isAsFolder = (path: string) => path.endsWith('/') || isContents(path);

/** Where a copy lands, by the rules of `docker cp`. Throws a Failure where a folder and a file would take each other's place. */
export function landing(source: Source, target: CopyTarget): Landing {
  const folder = posix.dirname(target.path);
  const name = posix.basename(target.path);
  if (target.is === 'folder') {
    if (source.isFolder && isContents(source.path)) return { folder: target.path };
    return { folder: target.path, name: posix.basename(posix.resolve('/', source.path)) };
  }
  if (target.asFolder && (target.is === 'file' || !source.isFolder))
    throw refused(`there is no folder ${target.path}`);
  if (target.is === 'file' && source.isFolder)
    throw refused(`${target.path} is a file, and ${source.path} is a folder`);
  return { folder, name };
}

function refused(message: string): Failure {
  return new Failure('failed', 'copy.target', message, { hint: 'name a folder that is there' });
}
