import { describe as about, expect, it } from '@jest/globals';
import { describe, describeTasks } from '../../../src/recipe/describe.js';
import { readRecipe } from '../../../src/recipe/load.js';
import { recipeSchema } from '../../../src/recipe/schema.js';
import { load, recipesOf, tasks } from '../../fakes/recipes.js';

about('the schema for editors', () => {
  const schema = JSON.stringify(recipeSchema(tasks));

  it('has every task, with and without inputs, and every construct', () => {
    for (const name of tasks.keys()) {
      expect(schema).toContain(`{"const":"${name}"`);
      expect(schema).toContain(`"properties":{"${name}":`);
    }
    for (const name of ['run', 'remote', 'recipe', 'each', 'parallel', 'rolling'])
      expect(schema).toContain(`"properties":{"${name}":`);
  });

  it('requires no input that has a default, and accepts placeholders for any', () => {
    expect(recipeSchema(tasks)).toMatchObject({
      definitions: {
        step: {
          anyOf: expect.arrayContaining([
            expect.objectContaining({
              properties: {
                'health.wait': expect.objectContaining({
                  anyOf: [
                    { type: 'null' },
                    {
                      type: 'object',
                      properties: {
                        deadline: { anyOf: [{ type: 'number' }, { type: 'string', pattern: '\\{\\{' }] },
                      },
                      required: [],
                      additionalProperties: false,
                    },
                  ],
                }),
              },
            }),
          ]),
        },
      },
    });
  });
});

about('a recipe that is shown', () => {
  const main =
    '# Friday\nsummary: s   # short\nsteps:\n  - each: service\n    steps: [image.resolve, image.pull]\n  - run: ls\n\n\n';

  it('is printed as written', async () => {
    expect(describe((await load({ main })).recipe)).toBe(`${main.trimEnd()}\n`);
  });

  it('can be partial, or have unknown tasks', async () => {
    const sources = [recipesOf({ part: '- no.such\n', bad: 'steps: 3\n' })];
    expect(describe(await readRecipe('part', sources))).toBe('- no.such\n');
    await expect(readRecipe('bad', sources)).rejects.toMatchObject({ code: 'recipe.invalid' });
    await expect(readRecipe('gone', sources)).rejects.toMatchObject({ code: 'recipe.unknown' });
  });

  it('describes its tasks and their undo on request', async () => {
    const never = new Map(tasks);
    const local = tasks.get('shell.local');
    if (local !== undefined) never.set('shell.local', { ...local, undo: { never: 'it is yours' } });
    const { recipe } = await load({ main });
    expect(describeTasks([recipe, recipe], never)).toBe(
      [
        'image.resolve (once per service)',
        '  Does image.resolve.',
        '  provides {{ image }}',
        '  undone if the run fails',
        'image.pull (on each instance)',
        '  Does image.pull.',
        '  default inputs: image: "{{ image.image }}", reference: "{{ image.reference }}"',
        '  undone if the run fails',
        'shell.local (once)',
        '  Does shell.local.',
        '  never undone: it is yours',
        '',
      ].join('\n'),
    );
  });
});
