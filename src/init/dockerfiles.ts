import { basename, dirname, join, posix } from 'node:path';
import type { Files } from '../config/files.js';
import { type Dockerfile, readDockerfile } from './dockerfile.js';
import { nameFrom } from './names.js';

/** A Dockerfile in a repository and its build context. */
export interface FoundDockerfile {
  /** Relative to the repository. */
  readonly file: string;
  /** The likely service name; undefined if the path does not suggest one. */
  readonly name: string | undefined;
  /** The build context, relative to the repository. */
  readonly context: string;
  readonly content: Dockerfile;
}

const limits = { folders: 300, files: 20 };
const isDockerfile = (name: string) =>
  /^(?:Dockerfile|Containerfile)$|\.Dockerfile$|^Dockerfile\.\w+$/i.test(name);

const isForDevelopment = (name: string) =>
  /(?:^|[.-])(?:dev|development|test|tests|ci|debug|local|dockerignore)(?:\.|$)/i.test(name);
const skippedFolders =
  /^\.|^(?:node_modules|vendor|dist|build|target|test|tests|docs|examples?|venv|fixtures)$/;
/** Folders with Dockerfiles for code in other folders. */
const separateFolders = /^(?:\.?docker|dockerfiles|deploy|deployment|infra|ops|ci|build)$/;

/** Finds the Dockerfiles of a repository up to two folders deep, top level first. */
export async function findDockerfiles(files: Files, root: string): Promise<readonly FoundDockerfile[]> {
  const found: FoundDockerfile[] = [];
  let folders = ['.'];
  let remaining = limits.folders;
  for (let depth = 0; depth < 3; depth++) {
    const below: string[] = [];
    for (const folder of folders.slice(0, remaining)) {
      remaining -= 1;
      const names = [...(await files.list(join(root, folder)))].sort();
      for (const name of names.filter((one) => isDockerfile(one) && !isForDevelopment(one)))
        if (found.length < limits.files) found.push(...(await read(files, root, posix.join(folder, name))));
      // Names with a dot are rarely folders; listing a file returns nothing.
      below.push(
        ...names
          .filter((name) => !skippedFolders.test(name) && !name.includes('.'))
          .map((name) => posix.join(folder, name)),
      );
    }
    folders = below;
  }
  return found;
}

async function read(files: Files, root: string, file: string): Promise<readonly FoundDockerfile[]> {
  const text = await files.read(join(root, file));
  if (text === undefined) return [];
  const content = readDockerfile(text);
  const folder = dirname(file);
  const name = basename(file);
  const part = /^(.+)\.Dockerfile$/i.exec(name)?.[1] ?? /^Dockerfile\.(.+)$/i.exec(name)?.[1];
  const own = folder === '.' || separateFolders.test(basename(folder)) ? undefined : basename(folder);
  const context = await contextOf(files, root, folder, content);
  return [{ file, name: nameFrom(part ?? own ?? ''), context, content }];
}

/** Returns the Dockerfile's folder, or the top folder if only that has the copied files. */
async function contextOf(
  files: Files,
  root: string,
  folder: string,
  { copies }: Dockerfile,
): Promise<string> {
  if (folder === '.') return '.';
  const sources = copies
    .map((source) => posix.normalize(source).replace(/\/$/, ''))
    .filter((source) => !/[*?[$]/.test(source));
  if (sources.some((source) => source.startsWith(`${folder}/`) || source === folder)) return '.';
  if (separateFolders.test(basename(folder))) return '.';
  const [here, top] = await Promise.all([
    allExist(files, join(root, folder), sources),
    allExist(files, root, sources),
  ]);
  return !here && top ? '.' : folder;
}

async function allExist(files: Files, folder: string, paths: readonly string[]): Promise<boolean> {
  for (const path of paths.filter((one) => one !== '.' && !one.startsWith('..')))
    if (!(await files.list(dirname(join(folder, path)))).includes(basename(path))) return false;
  return true;
}
