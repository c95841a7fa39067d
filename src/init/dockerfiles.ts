import { basename, dirname, join, posix } from 'node:path';
import type { Files } from '../config/files.js';
import { type Dockerfile, readDockerfile } from './dockerfile.js';
import { nameFrom } from './names.js';

/** A Dockerfile of a repository, and how an image is built with it. */
export interface FoundDockerfile {
  /** From the repository. */
  readonly file: string;
  /** What the service is probably called; undefined for one that only says that it is the application. */
  readonly name: string | undefined;
  /** The folder of its build, from the repository. */
  readonly context: string;
  readonly content: Dockerfile;
}

const most = { folders: 300, files: 20 };
const isDockerfile = (name: string) =>
  /^(?:Dockerfile|Containerfile)$|\.Dockerfile$|^Dockerfile\.\w+$/i.test(name);
/** For other purposes than running on a server. */
const isSpecial = (name: string) =>
  /(?:^|[.-])(?:dev|development|test|tests|ci|debug|local|dockerignore)(?:\.|$)/i.test(name);
const skipped = /^\.|^(?:node_modules|vendor|dist|build|target|test|tests|docs|examples?|venv|fixtures)$/;
/** Folders that hold Dockerfiles of what is elsewhere. */
const elsewhere = /^(?:\.?docker|dockerfiles|deploy|deployment|infra|ops|ci|build)$/;

/** The Dockerfiles of a repository, those at the top first; two folders deep. */
export async function findDockerfiles(files: Files, root: string): Promise<readonly FoundDockerfile[]> {
  const found: FoundDockerfile[] = [];
  let folders = ['.'];
  let left = most.folders;
  for (let depth = 0; depth < 3; depth++) {
    const below: string[] = [];
    for (const folder of folders.slice(0, left)) {
      left -= 1;
      const names = [...(await files.list(join(root, folder)))].sort();
      for (const name of names.filter((one) => isDockerfile(one) && !isSpecial(one)))
        if (found.length < most.files) found.push(...(await read(files, root, posix.join(folder, name))));
      // A name with a dot is hardly ever a folder; listing a file gives nothing.
      below.push(
        ...names
          .filter((name) => !skipped.test(name) && !name.includes('.'))
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
  const own = folder === '.' || elsewhere.test(basename(folder)) ? undefined : basename(folder);
  const context = await contextOf(files, root, folder, content);
  return [{ file, name: nameFrom(part ?? own ?? ''), context, content }];
}

/** The Dockerfile's folder, unless what it copies is only at the top. */
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
  if (elsewhere.test(basename(folder))) return '.';
  const [here, top] = await Promise.all([
    isThere(files, join(root, folder), sources),
    isThere(files, root, sources),
  ]);
  return !here && top ? '.' : folder;
}

async function isThere(files: Files, folder: string, paths: readonly string[]): Promise<boolean> {
  for (const path of paths.filter((one) => one !== '.' && !one.startsWith('..')))
    if (!(await files.list(dirname(join(folder, path)))).includes(basename(path))) return false;
  return true;
}
