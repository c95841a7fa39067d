import { z } from 'zod';
import { Release } from '../../src/domain/release.js';
import type { Instance, Service } from '../../src/domain/service.js';
import type { RunInfo } from '../../src/domain/task.js';
import { loadRecipe, type RecipeSource } from '../../src/recipe/load.js';
import type { LoadedRecipe } from '../../src/recipe/recipe.js';
import type { TaskForm, Tasks } from '../../src/recipe/tasks.js';

type Form = Partial<TaskForm> & Pick<TaskForm, 'name' | 'scope'>;

/** A task with only the parts that recipes use. */
export const form = (parts: Form): TaskForm => ({
  version: 1,
  summary: `Does ${parts.name}.`,
  input: z.strictObject({}),
  receipt: z.strictObject({}),
  undo: () => Promise.resolve(),
  ...parts,
});

const Image = z.strictObject({ reference: z.string(), image: z.string() });
const Rollout = z.strictObject({
  kind: z.enum(['deploy', 'rollback']),
  release: Release,
  before: Release.optional(),
});
const which = { release: z.enum(['old', 'new']).default('old') };
const rollout = { rollout: Rollout };
const defaults = { rollout: '{{ rollout }}' };

/** Tasks with the inputs and receipts of the real ones. */
export const tasks: Tasks = new Map(
  [
    form({ name: 'network.hold', scope: 'host' }),
    form({ name: 'image.resolve', scope: 'service', provides: 'image', receipt: Image }),
    form({
      name: 'image.pull',
      scope: 'instance',
      input: Image,
      defaults: { image: '{{ image.image }}', reference: '{{ image.reference }}' },
    }),
    form({
      name: 'rollout.resolve',
      scope: 'service',
      provides: 'rollout',
      input: z.strictObject({
        image: Image.optional(),
        release: z.int().min(0).optional(),
        adopt: z.string().optional(),
        todaysSecrets: z.boolean().default(false),
      }),
      receipt: Rollout,
      defaults: { image: '{{ image }}' },
    }),
    form({
      name: 'release.recall',
      scope: 'service',
      provides: 'recalled',
      input: z.strictObject({ to: z.int().optional() }),
      receipt: z.strictObject({ number: z.int(), image: z.string(), reference: z.string() }),
    }),
    form({ name: 'release.command', scope: 'service', input: z.strictObject(rollout), defaults }),
    form({ name: 'container.create', scope: 'instance', input: z.strictObject(rollout), defaults }),
    form({
      name: 'container.stop',
      scope: 'instance',
      input: z.strictObject({ ...rollout, ...which }),
      defaults,
    }),
    form({ name: 'container.start', scope: 'instance', input: z.strictObject(rollout), defaults }),
    form({ name: 'container.restart', scope: 'instance' }),
    form({ name: 'container.halt', scope: 'instance' }),
    form({ name: 'container.wake', scope: 'instance' }),
    form({
      name: 'health.wait',
      scope: 'instance',
      input: z.strictObject({ deadline: z.number().optional() }),
    }),
    form({
      name: 'release.commit',
      scope: 'service',
      commits: true,
      input: z.strictObject(rollout),
      defaults,
    }),
    form({
      name: 'release.announce',
      scope: 'run',
      input: z.strictObject({ rollouts: z.record(z.string(), Rollout) }),
      defaults: { rollouts: '{{ rollout }}' },
    }),
    form({ name: 'release.prune', scope: 'instance' }),
    form({
      name: 'host.look',
      scope: 'host',
      provides: 'look',
      receipt: z.strictObject({ load: z.number() }),
    }),
    form({
      name: 'shell.local',
      scope: 'run',
      input: z.strictObject({ command: z.union([z.string(), z.array(z.string())]) }),
    }),
    form({
      name: 'shell.remote',
      provides: 'output',
      receipt: z.string(),
      scope: 'instance',
      input: z.strictObject({ command: z.string(), timeout: z.number().optional() }),
    }),
  ].map((task) => [task.name, task]),
);

/** In-memory recipes: texts by name. */
export const recipesOf = (texts: Readonly<Record<string, string>>): RecipeSource => ({
  list: async () => Object.keys(texts),
  read: async (name) => {
    const text = texts[name];
    return text === undefined ? undefined : { file: `${name}.yml`, text };
  },
});

/** Loads the recipe `main` of these texts. */
export const load = (texts: Readonly<Record<string, string>>): Promise<LoadedRecipe> =>
  loadRecipe('main', [recipesOf(texts)], tasks);

export function service(name: string, parts: Partial<Service> & { readonly count?: number } = {}): Service {
  const { count = 2, ...rest } = parts;
  const instances: Instance[] = Array.from({ length: count }, (_, index) => ({
    id: `${name}-${index + 1}`,
    host: `host-${index + 1}`,
  }));
  return {
    name,
    image: { kind: 'fixed', reference: `registry/${name}:1` },
    health: { interval: 1, timeout: 1, deadline: 1, settle: 1 },
    env: {},
    secrets: [],
    volumes: [],
    restart: 'unless-stopped',
    stop: { timeout: 1 },
    swap: 'plain',
    singleton: false,
    needs: [],
    keep: 5,
    docker: {},
    instances,
    ...rest,
  };
}

export const run: RunInfo = {
  id: 'run-1',
  recipe: 'main',
  project: 'shop',
  environment: 'production',
  who: 'ada',
  started: '2026-01-01T00:00:00Z',
};
