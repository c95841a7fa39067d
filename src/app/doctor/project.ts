import { relative } from 'node:path';
import { localFiles, shortPath } from '../../config/files.js';
import { count } from '../../domain/measure.js';
import { outdated } from '../../recipe/eject.js';
import { readRecipe } from '../../recipe/load.js';
import { secretFiles } from '../build/secret-files.js';
import type { Context } from '../context.js';
import { runLocal } from '../local-command.js';
import { projectRecipes, shippedRecipes } from '../recipe-sources.js';
import { runsDir } from '../runs.js';
import type { Session } from '../session.js';
import type { Finding } from './finding.js';
import { check, passed, warning } from './finding.js';

const configuration = 'configuration';
/** Sample files, which contain no secrets. */
const samples = /^\.env\.(?:example|sample|template|dist)$/;

/** Checks the configuration, .env files, secrets and recipes of a project. */
export async function checkProject(
  session: Session,
  warnings: readonly string[],
): Promise<readonly Finding[]> {
  const { context, project, environment } = session;
  const found = await Promise.all([
    [
      passed(
        configuration,
        project.source.file,
        `${count(environment.services.length, 'service')} on ${count(environment.hosts.length, 'host')} of ${environment.name}`,
      ),
      ...warnings.map((text) => warning(configuration, project.source.file, text)),
    ],
    checkEnvFiles(context, project.folder),
    checkJournals(context, project.folder),
    checkBuildContexts(session),
    checkSecrets(session),
    checkRecipes(session),
  ]);
  return found.flat();
}

/** Returns the files with secrets in a folder that git does not ignore. */
export async function exposedFiles(context: Context, folder: string): Promise<readonly string[]> {
  const names = (await localFiles.list(folder)).filter(
    (name) => /^\.env(?:\.|$)/.test(name) && !samples.test(name),
  );
  const exposed = await Promise.all(
    names.map(async (name) => {
      const argv = ['git', 'check-ignore', '--quiet', '--', name];
      const place = { cwd: folder, env: context.env };
      const answer = await runLocal({ argv, timeout: 5000 }, place, () => undefined).catch(() => undefined);
      return answer?.code === 1 ? [name] : [];
    }),
  );
  return exposed.flat().sort();
}

/** Returns the lines that `.gitignore` needs to ignore these files, but not samples. */
export async function ignoreLines(folder: string, exposed: readonly string[]): Promise<readonly string[]> {
  const kept = (await localFiles.list(folder)).filter((name) => samples.test(name)).sort();
  const plain = exposed.includes('.env') ? ['.env'] : [];
  const others = exposed.some((name) => name !== '.env') ? ['.env.*', ...kept.map((name) => `!${name}`)] : [];
  return [...plain, ...others];
}

async function checkEnvFiles(context: Context, folder: string): Promise<readonly Finding[]> {
  const exposed = await exposedFiles(context, folder);
  return exposed.map((name) =>
    warning(configuration, name, 'contains secrets, but git does not ignore it', 'oneclick doctor --fix'),
  );
}

/** Journals of older versions may be committed. */
async function checkJournals(context: Context, folder: string): Promise<readonly Finding[]> {
  const runs = relative(folder, runsDir({ folder }));
  const argv = ['git', 'ls-files', '--', `${runs}/*.jsonl`];
  const place = { cwd: folder, env: context.env };
  const answer = await runLocal({ argv, timeout: 5000 }, place, () => undefined).catch(() => undefined);
  const tracked = answer?.code === 0 ? answer.stdout.split('\n').filter((line) => line !== '') : [];
  if (tracked.length === 0) return [];
  const text = `git tracks ${count(tracked.length, 'run journal')}, which may contain secrets`;
  return [warning(configuration, runs, text, `git rm -r --cached ${runs}, then change the secrets in them`)];
}

async function checkBuildContexts(session: Session): Promise<readonly Finding[]> {
  const { context, environment, project } = session;
  const targets = environment.services.flatMap(({ name, image }) =>
    image.kind === 'build' ? [{ services: [name], source: image }] : [],
  );
  const place = { folder: project.folder, environment: environment.name };
  const found = await secretFiles({ ...place, targets, files: localFiles, isBuildKit: true });
  return found.map((files) =>
    warning(
      configuration,
      files.services.join(', '),
      `its build context includes ${files.lines.join(' and ')}, which may contain secrets`,
      `add to ${shortPath(files.ignoreFile, context.cwd)}: ${files.lines.join(' ')}`,
    ),
  );
}

function checkSecrets({ environment, secrets: store }: Session): Promise<readonly Finding[]> {
  const wanted = environment.services.flatMap(({ secrets: own, image }) => [
    ...own,
    ...(image.kind === 'build' ? (image.secrets ?? []) : []),
  ]);
  const names = [...new Set(wanted)];
  return check('secrets', 'values', async () => {
    await store.get(names);
    return names.length === 0 ? [] : [passed('secrets', 'values', `all set: ${names.join(', ')}`)];
  });
}

/** Checks whether recipes of the project were ejected from an older version. */
async function checkRecipes(session: Session): Promise<readonly Finding[]> {
  const own = projectRecipes(session.project.folder);
  const names = await own.list();
  const found = await Promise.all(
    names.map((name) =>
      check('recipes', name, async () => {
        const recipe = await readRecipe(name, [own]);
        const old = await outdated(
          { recipe, included: new Map(), hash: '' },
          shippedRecipes(session.context),
        );
        const [text] = old;
        return text === undefined
          ? [passed('recipes', name, `customized in ${recipe.source.file}`)]
          : [warning('recipes', name, text, `oneclick recipe show ${name}, or remove ${recipe.source.file}`)];
      }),
    ),
  );
  return found.flat();
}
