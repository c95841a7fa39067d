import { join } from 'node:path';
import { localFiles } from '../../config/files.js';
import { count } from '../../domain/measure.js';
import { outdated } from '../../recipe/eject.js';
import { recipeFolder } from '../../recipe/folder.js';
import { readRecipe } from '../../recipe/load.js';
import type { Context } from '../context.js';
import { runLocal } from '../local-command.js';
import { shippedRecipes } from '../recipe-sources.js';
import type { Session } from '../session.js';
import type { Finding } from './finding.js';
import { caution, good, looking } from './finding.js';

const configuration = 'configuration';
/** Files that show which variables there are, and hold none. */
const samples = /^\.env\.(?:example|sample|template|dist)$/;

/** What the project's files say, where they could be read. */
export async function checkProject(
  session: Session,
  warnings: readonly string[],
): Promise<readonly Finding[]> {
  const { context, project, environment } = session;
  const sorted = warnings.filter((text) => !text.startsWith('git does not ignore'));
  const found = await Promise.all([
    [
      good(
        configuration,
        project.source.file,
        `${count(environment.services.length, 'service')} on ${count(environment.hosts.length, 'host')} of ${environment.name}`,
      ),
      ...sorted.map((text) => caution(configuration, project.source.file, text)),
    ],
    envFiles(context, project.folder),
    secrets(session),
    recipes(session),
  ]);
  return found.flat();
}

/** The files with secrets in a folder that git would take. */
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

/** What a `.gitignore` lacks so that git takes none of these files; a sample that is there stays with git. */
export async function ignoreLines(folder: string, exposed: readonly string[]): Promise<readonly string[]> {
  const kept = (await localFiles.list(folder)).filter((name) => samples.test(name)).sort();
  const plain = exposed.includes('.env') ? ['.env'] : [];
  const others = exposed.some((name) => name !== '.env') ? ['.env.*', ...kept.map((name) => `!${name}`)] : [];
  return [...plain, ...others];
}

async function envFiles(context: Context, folder: string): Promise<readonly Finding[]> {
  const exposed = await exposedFiles(context, folder);
  return exposed.map((name) =>
    caution(configuration, name, 'git does not ignore it, and it holds secrets', 'oneclick doctor --fix'),
  );
}

function secrets({ environment, secrets: store }: Session): Promise<readonly Finding[]> {
  const wanted = environment.services.flatMap(({ secrets: own, image }) => [
    ...own,
    ...(image.kind === 'build' ? (image.secrets ?? []) : []),
  ]);
  const names = [...new Set(wanted)];
  return looking('secrets', 'values', async () => {
    await store.get(names);
    return names.length === 0 ? [] : [good('secrets', 'values', `all there: ${names.join(', ')}`)];
  });
}

/** A finding for each recipe of the project's own that was copied from one that has moved on since. */
async function recipes(session: Session): Promise<readonly Finding[]> {
  const own = recipeFolder(join(session.project.folder, '.oneclick', 'recipes'), '.oneclick/recipes');
  const names = await own.list();
  const found = await Promise.all(
    names.map((name) =>
      looking('recipes', name, async () => {
        const recipe = await readRecipe(name, [own]);
        const old = await outdated(
          { recipe, included: new Map(), hash: '' },
          shippedRecipes(session.context),
        );
        const [text] = old;
        return text === undefined
          ? [good('recipes', name, `your own, ${recipe.source.file}`)]
          : [caution('recipes', name, text, `oneclick recipe show ${name}, or remove ${recipe.source.file}`)];
      }),
    ),
  );
  return found.flat();
}
