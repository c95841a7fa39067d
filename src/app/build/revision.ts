import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure } from '../../domain/failure.js';
import { count } from '../../domain/measure.js';
import type { Context } from '../context.js';
import { runLocal } from '../local-command.js';

/** ms; adding a large tree to an index is slow. */
const commandTimeout = 120_000;
const maxChanges = 5;

/** Excludes run journals: they change with each run and are never built. */
const withoutJournals = ':(top,exclude,glob)**/.oneclick/runs/**';

/** A folder under git. */
export interface WorkTree {
  readonly folder: string;
  /** Short; undefined without a commit. */
  readonly commit: string | undefined;
}

/**
 * Returns the tag of images built from a folder: its commit and, with `dirty`, a hash of uncommitted changes. Throws usage
 * failures: `build.commit` without a commit, `build.dirty` for uncommitted changes.
 */
export async function revisionOf(
  { folder, commit }: WorkTree,
  env: Context['env'],
  dirty: boolean,
): Promise<string> {
  if (commit === undefined)
    throw new Failure('usage', 'build.commit', `the default tag is the git commit, but ${folder} has none`, {
      hint: 'commit first, or use --tag TAG',
    });
  const top = await git(folder, env, 'rev-parse', '--show-toplevel');
  const changes = await git(
    top,
    env,
    'status',
    '--porcelain',
    '--untracked-files=all',
    '--',
    '.',
    withoutJournals,
  );
  if (changes === '') return commit;
  const lines = changes.split('\n');
  if (!dirty) {
    const more = lines.length > maxChanges ? [`and ${lines.length - maxChanges} more`] : [];
    throw new Failure('usage', 'build.dirty', count(lines.length, 'uncommitted change'), {
      evidence: [...lines.slice(0, maxChanges), ...more],
      hint: 'commit or stash them, or build anyway: --dirty',
    });
  }
  return `${commit}-dirty-${(await treeHash(top, env)).slice(0, 8)}`;
}

/** The hash of all files that git does not ignore; leaves the index of the repository unchanged. */
async function treeHash(top: string, env: Context['env']): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'oneclick-tree-'));
  try {
    const objects = join(scratch, 'objects');
    await mkdir(objects);
    const objectsPath = resolve(top, await git(top, env, 'rev-parse', '--git-path', 'objects'));
    const isolated = {
      ...env,
      GIT_INDEX_FILE: join(scratch, 'index'),
      GIT_OBJECT_DIRECTORY: objects,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: objectsPath,
    };
    await git(top, isolated, 'read-tree', 'HEAD');
    await git(top, isolated, 'add', '--all', '--', '.', withoutJournals);
    return await git(top, isolated, 'write-tree');
  } finally {
    await rm(scratch, { recursive: true, force: true });
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
  throw new Failure('failed', 'git.refused', `git ${words[0]} failed with exit code ${answer.code}`, {
    evidence: answer.stderr.trim().split('\n').slice(-maxChanges),
  });
}
