import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { bindRecipe } from '../../../src/recipe/bind.js';
import { loadRecipe } from '../../../src/recipe/load.js';
import { tasks } from '../../../src/tasks/registry.js';
import { yaml } from '../../fakes/mutants.js';
import { testMutations } from '../../fakes/mutation-test.js';
import { recipesOf, run, service } from '../../fakes/recipes.js';

const folder = new URL('../../../recipes/', import.meta.url);
const shipped = Object.fromEntries(
  readdirSync(folder).map((file) => [
    file.replace(/\.yml$/, ''),
    readFileSync(new URL(file, folder), 'utf8').replace(/ +#.*$/gm, ''),
  ]),
);
/** A recipe with constructs that the shipped ones do not use. */
const own = `summary: Move the shop
holds: hosts
on-failure: stop
params: { mode: { type: [plain, gentle], default: plain }, times: 3, note: { type: string } }
steps:
  - parallel:
      - image.resolve
      - run: ./tell {{ run.who }}
      - remote: { command: [ls, -l], timeout: 5s }
  - run: echo {{ note }}
after:
  - remote: docker ps
`;
const texts: Readonly<Record<string, string>> = { ...shipped, own };
const services = [service('web', { needs: ['api'] }), service('api')];

/** Loads the recipe and all that include it, and binds them to services. */
async function read(text: string, of: string): Promise<void> {
  const source = recipesOf({ ...texts, [of]: text });
  for (const name of of === 'swap-plain' ? ['deploy', 'rollback'] : [of]) {
    const loaded = await loadRecipe(name, [source], tasks);
    bindRecipe(loaded, { registry: tasks, services, params: name === 'own' ? { note: 'hello' } : {}, run });
  }
}

/** A position in the text, or a message about the run, which has no position. */
const place =
  /^[\w-]+\.yml:\d+:\d+: |is not set$|unknown recipe "swap-|can only be included|unknown parameter/m;

describe('mutated recipes', () => {
  it('are accepted, or rejected quickly with exit code 2 and the position, and leave no state', async () => {
    const refused = await testMutations({ texts, syntax: yaml, count: 2000, read, place });
    expect(refused).toBeGreaterThan(0.25);
    expect(refused).toBeLessThan(1);
  }, 600_000);
});
