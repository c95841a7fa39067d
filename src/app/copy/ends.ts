import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, posix, resolve } from 'node:path';
import { Failure } from '../../domain/failure.js';
import type { Engine } from '../../host/host.js';
import { type CopyTarget, isAsFolder, isContents, type Landing, landing } from './landing.js';
import type { Copy } from './sides.js';

/** What a copy goes between: a container, and the folder here that paths start from. */
export interface Ends {
  readonly engine: Engine;
  readonly container: string;
  readonly cwd: string;
}

/** Where a copy out of a container lands on this machine. Throws a Failure where it cannot. */
export async function landingHere({ here, there }: Copy, { engine, container, cwd }: Ends): Promise<Landing> {
  if (posix.resolve('/', there.path) === '/')
    throw new Failure('usage', 'copy.source', 'all of a container is too much', {
      hint: 'name a folder of it',
    });
  const facts = await engine.pathFacts(container, absolute(there.path));
  if (facts === undefined)
    throw new Failure('failed', 'copy.source', `there is no ${there.path} in ${there.service}`);
  const path = resolve(cwd, here);
  const found = await stat(path).catch(() => undefined);
  const target: CopyTarget = {
    path: found === undefined ? path : await realpath(path),
    is: found === undefined ? 'nothing' : found.isDirectory() ? 'folder' : 'file',
    asFolder: isAsFolder(here),
  };
  const to = landing({ path: there.path, isFolder: facts.isFolder }, target);
  if ((await stat(to.folder).catch(() => undefined))?.isDirectory()) return to;
  throw new Failure('failed', 'copy.target', `there is no folder ${to.folder}`, { hint: 'make it first' });
}

/** Where a copy from this machine lands in a container. Throws a Failure where it cannot. */
export async function landingThere(
  { here, there }: Copy,
  { engine, container, cwd }: Ends,
): Promise<Landing> {
  const isFolder = await lookHere(cwd, here);
  const path = isContents(here) ? here : resolve(cwd, here);
  return landing({ path, isFolder }, await targetThere(engine, container, there.path));
}

/** What a path in a container is; a link at its end is followed, as its engine says where it leads. */
async function targetThere(engine: Engine, container: string, written: string): Promise<CopyTarget> {
  const asked = posix.resolve('/', written);
  const direct = await engine.pathFacts(container, asked);
  const path = direct?.link === undefined ? asked : posix.resolve(posix.dirname(asked), direct.link);
  const facts = direct?.link === undefined ? direct : await engine.pathFacts(container, path);
  const is = facts === undefined ? 'nothing' : facts.isFolder ? 'folder' : 'file';
  return { path, is, asFolder: isAsFolder(written) };
}

/** Whether what is to be copied from here is a folder. Throws a Failure when it cannot be copied. */
export async function lookHere(cwd: string, here: string): Promise<boolean> {
  const path = resolve(cwd, here);
  const found = await (isAsFolder(here) ? stat : lstat)(path).catch(() => undefined);
  const refused = (message: string) => new Failure('usage', 'copy.source', message);
  if (found === undefined) throw refused(`there is no ${here} here`);
  if (isAsFolder(here) && !found.isDirectory()) throw refused(`${here} is no folder`);
  if (basename(path) === '') throw refused('all of this machine is too much');
  return found.isDirectory();
}

/** The path from the root of a container, with a slash at its end where it can only be a folder. */
export function absolute(path: string): string {
  const folder = posix.resolve('/', path);
  return isAsFolder(path) && folder !== '/' ? `${folder}/` : folder;
}
