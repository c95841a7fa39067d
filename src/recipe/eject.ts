import { createHash } from 'node:crypto';
import { type RecipeSource, readRecipe } from './load.js';
import type { LoadedRecipe, Recipe } from './recipe.js';

const ejectHeader = /^# ejected from the shipped recipe ([a-z][a-z0-9-]{0,63}), ([0-9a-f]{16})$/;

/** Returns a short hash of a recipe's text. */
export function textHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Returns a copy of a recipe with a header that names its original. */
export function ejectedText({ name, source }: Recipe): string {
  return `# ejected from the shipped recipe ${name}, ${textHash(source.text)}\n${source.text}`;
}

/** Returns a warning for each ejected recipe whose shipped original has changed or is gone. */
export async function outdated(
  { recipe, included }: LoadedRecipe,
  shipped: RecipeSource,
): Promise<readonly string[]> {
  const names = new Set(await shipped.list());
  const found = [recipe, ...included.values()].map(async ({ source }) => {
    const [, name, hash] = ejectHeader.exec(source.text.split('\n', 1)[0] ?? '') ?? [];
    if (name === undefined) return [];
    const now = names.has(name) ? textHash((await readRecipe(name, [shipped])).source.text) : undefined;
    if (now === hash) return [];
    const change = now === undefined ? 'is no longer shipped' : 'has changed';
    return [`${source.file} is a copy of the shipped recipe ${name}, which ${change}: compare them`];
  });
  return (await Promise.all(found)).flat();
}
