import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { bindRecipe } from '../../../src/recipe/bind.js';
import { recipeFolder } from '../../../src/recipe/folder.js';
import { loadRecipe } from '../../../src/recipe/load.js';
import type { PlanNode } from '../../../src/run/plan.js';
import { tasks } from '../../../src/tasks/registry.js';
import { run, service } from '../../fakes/recipes.js';

const shipped = recipeFolder(fileURLToPath(new URL('../../../recipes', import.meta.url)), 'recipes');

async function plan(name: string, params: Readonly<Record<string, unknown>> = {}) {
  const loaded = await loadRecipe(name, [shipped], tasks);
  return bindRecipe(loaded, { registry: tasks, services: [service('web', { count: 2 })], params, run });
}

const ids = (node: PlanNode): readonly string[] =>
  node.kind === 'step'
    ? [node.step.id]
    : node.kind === 'sequence'
      ? node.nodes.flatMap(ids)
      : node.branches.flatMap((branch) => ids(branch.node));

const swap = (n: number) =>
  ['container.create', 'container.stop', 'container.start', 'health.wait'].map(
    (task) => `${task}/web/web-${n}`,
  );

describe('the shipped recipes', () => {
  it('deploy: everything is pulled before anything changes, and the commit is last', async () => {
    const { steps, after, holds, onFailure } = await plan('deploy');
    expect(ids(steps)).toEqual([
      'image.resolve/web',
      'image.pull/web/web-1',
      'image.pull/web/web-2',
      'network.hold/host-1',
      'network.hold/host-2',
      'rollout.resolve/web',
      'release.command/web',
      ...swap(1),
      ...swap(2),
      'health.confirm/web/web-1',
      'health.confirm/web/web-2',
      'release.commit/web',
    ]);
    expect(ids(after)).toEqual(
      ['target.settle', 'release.prune'].flatMap((task) => [1, 2].map((n) => `${task}/web/web-${n}`)),
    );
    expect([holds, onFailure]).toEqual(['hosts', 'revert']);
  });

  it('rollback: the same without resolving an image and without migrations', async () => {
    const { steps } = await plan('rollback', { to: '3', batch: 'all' });
    expect(ids(steps)).toEqual([
      'release.recall/web',
      'image.pull/web/web-1',
      'image.pull/web/web-2',
      'network.hold/host-1',
      'network.hold/host-2',
      'rollout.resolve/web',
      ...swap(1),
      ...swap(2),
      'health.confirm/web/web-1',
      'health.confirm/web/web-2',
      'release.commit/web',
    ]);
  });

  it('restart: one instance at a time, stopping at a failure', async () => {
    const { steps, holds, onFailure } = await plan('restart');
    expect(ids(steps)).toEqual(['container.restart/web/web-1', 'container.restart/web/web-2']);
    expect([holds, onFailure]).toEqual(['hosts', 'stop']);
  });

  it('are all complete or partial', async () => {
    for (const name of await shipped.list()) {
      const loading = loadRecipe(name, [shipped], tasks);
      if (name.startsWith('swap-')) await expect(loading).rejects.toMatchObject({ code: 'recipe.partial' });
      else await expect(loading).resolves.toBeDefined();
    }
  });

  it('are empty if the folder is missing', async () => {
    expect(await recipeFolder('/nowhere/at/all').list()).toEqual([]);
  });
});
