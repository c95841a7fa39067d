import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, posix, resolve } from 'node:path';
import { Failure } from '../../domain/failure.js';
import type { Engine } from '../../host/host.js';
import type { Copy } from './copy-arguments.js';
import { type CopyTarget, type Destination, destinationOf, isContents, mustBeFolder } from './destination.js';

/** The container of a copy, and the folder that local paths are relative to. */
export interface CopyContext {
  readonly engine: Engine;
  readonly container: string;
  readonly cwd: string;
}

/** Resolves the local target of a copy. Throws a Failure if the source or the target is missing. */
export async function localDestination(
  { local, remote }: Copy,
  { engine, container, cwd }: CopyContext,
): Promise<Destination> {
  if (posix.resolve('/', remote.path) === '/')
    throw new Failure('usage', 'copy.source', 'cannot copy the whole container', {
      hint: 'name a folder in it',
    });
  const facts = await engine.pathFacts(container, absolutePath(remote.path));
  if (facts === undefined)
    throw new Failure('failed', 'copy.source', `${remote.path} does not exist in ${remote.service}`);
  const path = resolve(cwd, local);
  const found = await stat(path).catch(() => undefined);
  const target: CopyTarget = {
    path: found === undefined ? path : await realpath(path),
    kind: found === undefined ? 'missing' : found.isDirectory() ? 'folder' : 'file',
    mustBeFolder: mustBeFolder(local),
  };
  const to = destinationOf({ path: remote.path, isFolder: facts.isFolder }, target);
  if ((await stat(to.folder).catch(() => undefined))?.isDirectory()) return to;
  throw new Failure('failed', 'copy.target', `folder ${to.folder} does not exist`, {
    hint: 'create it first',
  });
}

/** Resolves the target of a copy in a container. Throws a Failure if the source or the target is missing. */
export async function containerDestination(
  { local, remote }: Copy,
  { engine, container, cwd }: CopyContext,
): Promise<Destination> {
  const isFolder = await isLocalFolder(cwd, local);
  const path = isContents(local) ? local : resolve(cwd, local);
  return destinationOf({ path, isFolder }, await containerTarget(engine, container, remote.path));
}

/** Reads a path in a container, following a final link. */
async function containerTarget(engine: Engine, container: string, typed: string): Promise<CopyTarget> {
  const absolute = posix.resolve('/', typed);
  const direct = await engine.pathFacts(container, absolute);
  const path = direct?.link === undefined ? absolute : posix.resolve(posix.dirname(absolute), direct.link);
  const facts = direct?.link === undefined ? direct : await engine.pathFacts(container, path);
  const kind = facts === undefined ? 'missing' : facts.isFolder ? 'folder' : 'file';
  return { path, kind, mustBeFolder: mustBeFolder(typed) };
}

/** Whether a local source is a folder. Throws a Failure if it cannot be copied. */
export async function isLocalFolder(cwd: string, local: string): Promise<boolean> {
  const path = resolve(cwd, local);
  const found = await (mustBeFolder(local) ? stat : lstat)(path).catch(() => undefined);
  const refused = (message: string) => new Failure('usage', 'copy.source', message);
  if (found === undefined) throw refused(`${local} does not exist`);
  if (mustBeFolder(local) && !found.isDirectory()) throw refused(`${local} is not a folder`);
  if (basename(path) === '') throw refused('cannot copy the whole file system');
  return found.isDirectory();
}

/** Returns the absolute path in a container; keeps the final slash of a folder. */
export function absolutePath(path: string): string {
  const folder = posix.resolve('/', path);
  return mustBeFolder(path) && folder !== '/' ? `${folder}/` : folder;
}
