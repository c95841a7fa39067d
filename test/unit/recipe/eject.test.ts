import { describe, expect, it } from '@jest/globals';
import { ejectedText, outdated } from '../../../src/recipe/eject.js';
import { loadRecipe, type RecipeSource, readRecipe } from '../../../src/recipe/load.js';
import { tasks } from '../../../src/tasks/registry.js';

const folder = (recipes: Readonly<Record<string, string>>): RecipeSource => ({
  list: async () => Object.keys(recipes),
  read: async (name) => {
    const text = recipes[name];
    return text === undefined ? undefined : { file: `recipes/${name}.yml`, text };
  },
});
const greet = 'summary: Greet\nsteps:\n  - run: echo hello\n';
const shipped = folder({ greet });

async function warnings(own: string, now: RecipeSource): Promise<readonly string[]> {
  return outdated(await loadRecipe('greet', [now, folder({ greet: own })], tasks), now);
}

describe('an ejected recipe', () => {
  it('has no warning while the shipped one is unchanged, even if it was edited', async () => {
    const copy = ejectedText(await readRecipe('greet', [shipped]));
    expect(await warnings(copy, shipped)).toEqual([]);
    expect(await warnings(copy.replace('hello', 'hi'), shipped)).toEqual([]);
  });

  it('has a warning if the shipped one has changed or is gone', async () => {
    const copy = ejectedText(await readRecipe('greet', [shipped]));
    expect(await warnings(copy, folder({ greet: greet.replace('hello', 'good day') }))).toEqual([
      expect.stringMatching(/recipes\/greet.yml is a copy of .* has changed/),
    ]);
    expect(await warnings(copy, folder({}))).toEqual([expect.stringMatching(/is no longer shipped/)]);
  });

  it('is not confused with a manually written one of the same name', async () => {
    expect(await warnings(greet, folder({ greet: 'summary: Another\nsteps: []\n' }))).toEqual([]);
  });
});
