import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure } from '../../domain/failure.js';
import { count } from '../../domain/measure.js';
import type { Context } from '../context.js';
import { runLocal } from '../local-command.js';

/** ms; adding a large tree to an index takes its time. */
const commandTimeout = 120_000;
const shown = 5;

/** What is never part of a build, and changes with each run. */
const journals = ':(top,exclude,glob)**/.oneclick/runs/**';

/** A folder under git. */
export interface WorkTree {
  readonly folder: string;
  /** Short; undefined where git knows none. */
  readonly commit: string | undefined;
}

/**
 * The tag of what is built from a folder: its commit, and with `dirty` what tells its changes apart from others. Throws usage failures:
 * `build.commit` without a commit, `build.dirty` for changes that are in no commit.
 */
export async function revisionOf(
  { folder, commit }: WorkTree,
  env: Context['env'],
  dirty: boolean,
): Promise<string> {
  if (commit === undefined)
    throw new Failure(
      'usage',
      'build.commit',
      `the tag follows the commit, and git knows none in ${folder}`,
      {
        hint: 'commit first, or give a tag: --tag TAG',
      },
    );
  const top = await git(folder, env, 'rev-parse', '--show-toplevel');
  const changes = await git(top, env, 'status', '--porcelain', '--untracked-files=all', '--', '.', journals);
  if (changes === '') return commit;
  const lines = changes.split('\n');
  if (!dirty) {
    const more = lines.length > shown ? [`and ${lines.length - shown} more`] : [];
    throw new Failure('usage', 'build.dirty', `${count(lines.length, 'change')} in no commit`, {
      evidence: [...lines.slice(0, shown), ...more],
      hint: 'commit or stash, or build it all the same: --dirty',
    });
  }
  return `${commit}-dirty-${(await treeOf(top, env)).slice(0, 8)}`;
}

/** The hash of all files as they are now, those that git does not ignore; made beside the repository, which stays as it is. */
async function treeOf(top: string, env: Context['env']): Promise<string> {
  const beside = await mkdtemp(join(tmpdir(), 'oneclick-tree-'));
  try {
    const objects = join(beside, 'objects');
    await mkdir(objects);
    const own = resolve(top, await git(top, env, 'rev-parse', '--git-path', 'objects'));
    const apart = {
      ...env,
      GIT_INDEX_FILE: join(beside, 'index'),
      GIT_OBJECT_DIRECTORY: objects,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: own,
    };
    await git(top, apart, 'read-tree', 'HEAD');
    await git(top, apart, 'add', '--all', '--', '.', journals);
    return await git(top, apart, 'write-tree');
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

async function git(folder: string, env: Context['env'], ...words: readonly string[]): Promise<string> {
  const argv = ['git', ...words];
  const answer = await runLocal(
    { argv, timeout: commandTimeout },
    { cwd: folder, env: { ...env, GIT_OPTIONAL_LOCKS: '0' } },
    () => undefined,
  );
  if (answer.code === 0) return answer.stdout.trimEnd();
  throw new Failure('failed', 'git.refused', `git ${words[0]} ended with exit code ${answer.code}`, {
    evidence: answer.stderr.trim().split('\n').slice(-shown),
  });
}
