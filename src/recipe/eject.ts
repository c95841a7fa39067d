import { createHash } from 'node:crypto';
import { type RecipeSource, readRecipe } from './load.js';
import type { LoadedRecipe, Recipe } from './recipe.js';

const first = /^# ejected from the shipped recipe ([a-z][a-z0-9-]{0,63}), ([0-9a-f]{16})$/;

/** What tells one text of a recipe from another, for people and for files. */
export function textHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** The text of a copy that remembers what it was copied from. */
export function ejectedText({ name, source }: Recipe): string {
  return `# ejected from the shipped recipe ${name}, ${textHash(source.text)}\n${source.text}`;
}

/** A sentence for each ejected recipe among these whose shipped one has been changed, or is gone, since it was copied. */
export async function outdated(
  { recipe, included }: LoadedRecipe,
  shipped: RecipeSource,
): Promise<readonly string[]> {
  const names = new Set(await shipped.list());
  const found = [recipe, ...included.values()].map(async ({ source }) => {
    const [, name, hash] = first.exec(source.text.split('\n', 1)[0] ?? '') ?? [];
    if (name === undefined) return [];
    const now = names.has(name) ? textHash((await readRecipe(name, [shipped])).source.text) : undefined;
    if (now === hash) return [];
    const what = now === undefined ? 'is not shipped any more' : 'has been changed';
    return [`${source.file} was copied from the shipped recipe ${name}, which ${what} since: compare them`];
  });
  return (await Promise.all(found)).flat();
}
