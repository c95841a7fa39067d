import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import type { Service } from '../../../src/domain/service.js';
import { bindRecipe } from '../../../src/recipe/bind.js';
import type { Plan, PlanNode, Step } from '../../../src/run/plan.js';
import { load, run, service, tasks } from '../../fakes/recipes.js';

const steps = (...lines: readonly string[]) =>
  ['summary: s', 'steps:', ...lines.map((line) => `  ${line}`), ''].join('\n');

type Outline = string | { readonly [order: string]: readonly Outline[] };

/** A plan without inputs: step IDs, sequences (`first`), and parallel branches (`beside`, `id after others`). */
function outline(node: PlanNode): Outline {
  if (node.kind === 'step') return node.step.id;
  if (node.kind === 'sequence') return { first: node.nodes.map(outline) };
  const waits = node.branches.some(({ after }) => after.length > 0);
  if (!waits) return { beside: node.branches.map((branch) => outline(branch.node)) };
  return Object.fromEntries(
    node.branches.map(({ id, after, node: inner }) => [
      `${id}${after.length > 0 ? ` after ${after}` : ''}`,
      [outline(inner)],
    ]),
  );
}

function stepsOf(node: PlanNode): readonly Step[] {
  if (node.kind === 'step') return [node.step];
  return node.kind === 'sequence'
    ? node.nodes.flatMap(stepsOf)
    : node.branches.flatMap((branch) => stepsOf(branch.node));
}

const input = (plan: Plan, id: string) => stepsOf(plan.steps).find((step) => step.id === id)?.input;

async function bind(
  texts: Readonly<Record<string, string>> | string,
  services: readonly Service[],
  params: Readonly<Record<string, unknown>> = {},
): Promise<Plan> {
  const loaded = await load(typeof texts === 'string' ? { main: texts } : texts);
  return bindRecipe(loaded, { registry: tasks, services, params, run });
}

const failure = (plan: Promise<Plan>) =>
  plan.then(
    () => undefined,
    (error: unknown) => (error instanceof Failure ? `${error.kind} ${error.code}: ${error.message}` : error),
  );

const web = service('web');
const api = service('api');

describe('a task', () => {
  it.each([
    ['of scope run runs once', '- run: ls', 'shell.local'],
    [
      'of scope service runs for each',
      '- image.resolve',
      { beside: ['image.resolve/web', 'image.resolve/api'] },
    ],
    [
      'of scope instance runs on each',
      '- health.wait',
      {
        beside: [
          'health.wait/web/web-1',
          'health.wait/web/web-2',
          'health.wait/api/api-1',
          'health.wait/api/api-2',
        ],
      },
    ],
    [
      'of scope host runs once on each host',
      '- host.look',
      { beside: ['host.look/host-1', 'host.look/host-2'] },
    ],
  ])('%s', async (_, line, expected) => {
    expect(outline((await bind(steps(line), [web, api])).steps)).toEqual(expected);
  });

  it.each([
    ['run: command', '- run: ls', 'shell.local/web'],
    ['of scope service', '- image.resolve', 'image.resolve/web'],
    ['of scope instance', '- health.wait', { beside: ['health.wait/web/web-1', 'health.wait/web/web-2'] }],
    ['of scope host', '- host.look', { beside: ['host.look/web/host-1', 'host.look/web/host-2'] }],
  ])('inside "each: service" is bound to that service: %s', async (_, line, expected) => {
    expect(outline((await bind(steps('- each: service', '  steps:', `    ${line}`), [web])).steps)).toEqual(
      expected,
    );
  });

  it('that is repeated has another ID', async () => {
    const plan = await bind(steps('- run: ls', '- run: ls', '- run: pwd'), [web]);
    expect(outline(plan.steps)).toEqual({ first: ['shell.local', 'shell.local#2', 'shell.local#3'] });
  });

  it('has the service, instance and host that it is bound to', async () => {
    const plan = await bind(steps('- health.wait'), [service('web', { count: 1 })]);
    expect(stepsOf(plan.steps)).toEqual([
      {
        id: 'health.wait/web/web-1',
        task: 'health.wait',
        version: 1,
        service: 'web',
        instance: 'web-1',
        host: 'host-1',
        input: {},
      },
    ]);
  });
});

describe('each: service', () => {
  const each = steps('- each: service', '  steps:', '    - image.resolve');

  it('follows the needs of services that are in the run', async () => {
    const services = [
      service('web', { needs: ['api', 'db'] }),
      service('api', { needs: ['db'] }),
      service('queue', { needs: ['elsewhere'] }),
      service('db'),
    ];
    expect(outline((await bind(each, services)).steps)).toEqual({
      'web after api,db': ['image.resolve/web'],
      'api after db': ['image.resolve/api'],
      queue: ['image.resolve/queue'],
      db: ['image.resolve/db'],
    });
  });

  it('is rejected if services depend on each other', async () => {
    const services = [
      service('a', { needs: ['b'] }),
      service('b', { needs: ['c'] }),
      service('c', { needs: ['a'] }),
    ];
    expect(await failure(bind(each, services))).toBe(
      'usage service.circle: services depend on each other: a -> b -> c -> a',
    );
    expect(await failure(bind(each, [service('a', { needs: ['a'] })]))).toMatch(/a -> a/);
  });

  it('is empty without services', async () => {
    expect((await bind(each, [])).steps).toEqual({ kind: 'sequence', nodes: [] });
  });
});

describe('rolling', () => {
  const rolling = `params: { batch: { type: string } }\n${steps('- each: service', '  steps:', '    - rolling: { batch: "{{ batch }}" }', '      steps:', '        - health.wait', '        - run: ls')}`;
  it.each([
    [4, '25%', [1, 1, 1, 1]],
    [3, '25%', [1, 1, 1]],
    [8, '50%', [4, 4]],
    [5, '2', [2, 2, 1]],
    [5, 'all', [5]],
    [5, '100%', [5]],
    [2, '9', [2]],
  ])('of %d instances by %s changes %j at a time', async (count, batch, expected) => {
    const { steps: node } = await bind(rolling, [service('web', { count })], { batch });
    const parts = node.kind === 'sequence' ? node.nodes : [node];
    const sizes = parts.map((part) => stepsOf(part).filter((step) => step.task === 'health.wait').length);
    expect(sizes.filter((size) => size > 0)).toEqual(expected);
  });

  it('by 2 of 5 runs the steps of an instance in order, a batch in parallel, and batches in order', async () => {
    const { steps: node } = await bind(rolling, [service('web', { count: 5 })], { batch: 2 });
    const unit = (n: number) => ({ first: [`health.wait/web/web-${n}`, `shell.local/web/web-${n}`] });
    expect(outline(node)).toEqual({
      first: [
        { beside: [unit(1), unit(2)] },
        { beside: [unit(3), unit(4)] },
        'health.wait/web/web-5',
        'shell.local/web/web-5',
      ],
    });
  });

  it.each(['0', '0%', '101%', 'some', '1.5', ''])('by %j is refused', async (batch) => {
    expect(await failure(bind(rolling, [web], { batch }))).toBe(
      `usage param.invalid: batch must be a count, a percentage or all, not "${batch}"`,
    );
  });
});

describe('a reference', () => {
  it('resolves to the latest earlier step of the same service and instance', async () => {
    const plan = await bind(
      steps(
        '- image.resolve',
        '- image.resolve',
        '- image.pull',
        '- each: service',
        '  steps:',
        '    - image.resolve',
        '    - image.pull',
      ),
      [web, api],
    );
    expect(input(plan, 'image.pull/web/web-2')).toEqual({
      image: { $from: 'image.resolve/web#2', path: ['image'] },
      reference: { $from: 'image.resolve/web#2', path: ['reference'] },
    });
    expect(input(plan, 'image.pull/api/api-1#2')).toMatchObject({ image: { $from: 'image.resolve/api#3' } });
  });

  it('to a whole receipt has no path, and can be nested in an input', async () => {
    const plan = await bind(
      steps(
        '- image.resolve',
        '- rollout.resolve',
        '- each: service',
        '  steps:',
        '    - run: [echo, "{{ image.image }}"]',
      ),
      [web],
    );
    expect(input(plan, 'rollout.resolve/web')).toEqual({ image: { $from: 'image.resolve/web', path: [] } });
    expect(input(plan, 'shell.local/web')).toEqual({
      command: ['echo', { $from: 'image.resolve/web', path: ['image'] }],
    });
  });

  it('from a step that runs once is a mapping by service name', async () => {
    const plan = await bind(
      steps('- image.resolve', '- each: service', '  steps: [rollout.resolve]', '- release.announce'),
      [web, api],
    );
    expect(input(plan, 'release.announce')).toEqual({
      rollouts: {
        web: { $from: 'rollout.resolve/web', path: [] },
        api: { $from: 'rollout.resolve/api', path: [] },
      },
    });
  });

  it('resolves to the step of its own host', async () => {
    const plan = await bind(steps('- host.look', '- health.wait: { deadline: "{{ look.load }}" }'), [web]);
    expect(input(plan, 'health.wait/web/web-2')).toEqual({
      deadline: { $from: 'host.look/host-2', path: ['load'] },
    });
  });

  it('of an optional default is dropped if no step provides it', async () => {
    const plan = await bind(steps('- rollout.resolve: { release: 3 }'), [web]);
    expect(input(plan, 'rollout.resolve/web')).toEqual({ release: 3 });
  });
});

describe('parallel', () => {
  it('starts a step when the receipts that it uses exist', async () => {
    const plan = await bind(
      steps(
        '- parallel:',
        '    - image.pull',
        '    - run: ls',
        '    - image.resolve',
        '    - rollout.resolve',
      ),
      [service('web', { count: 1 })],
    );
    expect(outline(plan.steps)).toEqual({
      '0 after 2': ['image.pull/web/web-1'],
      '1': ['shell.local'],
      '2': ['image.resolve/web'],
      '3 after 2': ['rollout.resolve/web'],
    });
    expect(input(plan, 'image.pull/web/web-1')).toMatchObject({ image: { $from: 'image.resolve/web' } });
  });

  it('waits for receipts used by nested steps, even if a later nested step provides them again', async () => {
    const main = steps(
      '- parallel:',
      '    - each: service',
      '      steps:',
      '        - parallel:',
      '            - rolling: { batch: 1 }',
      '              steps:',
      '                - health.wait: { deadline: "{{ look.load }}" }',
      '                - host.look',
      '    - host.look',
    );
    const plan = await bind(main, [service('web', { count: 1 })]);
    expect(outline(plan.steps)).toHaveProperty(['0 after 1']);
  });

  it('follows dependencies of included recipes', async () => {
    const main = steps(
      '- parallel:',
      '    - each: service',
      '      steps: [recipe: "swap-{{ service.swap }}"]',
      '    - image.resolve',
    );
    const plan = await bind({ main, 'swap-plain': '- image.pull\n' }, [service('web', { count: 1 })]);
    expect(outline(plan.steps)).toEqual({
      '0 after 1': ['image.pull/web/web-1'],
      '1': ['image.resolve/web'],
    });
  });
});

describe('parameters', () => {
  const recipe = `params: { count: 2, mode: { type: [fast, slow] }, on: true, name: { type: string } }\n${steps('- health.wait: { deadline: "{{ count }}" }')}`;

  it('have defaults and are parsed as their type', async () => {
    expect((await bind(recipe, [web])).params).toEqual({ count: 2, on: true });
    const plan = await bind(recipe, [web], { count: '7', mode: 'slow', on: 'false', name: 12 });
    expect(plan.params).toEqual({ count: 7, mode: 'slow', on: false, name: '12' });
    expect(input(plan, 'health.wait/web/web-1')).toEqual({ deadline: 7 });
  });

  it.each([
    [{ cuont: 1 }, 'usage param.unknown: unknown parameter "cuont" (available: count, mode, on, name)'],
    [{ count: 'many' }, 'usage param.invalid: count must be a number, not "many"'],
    [{ count: '' }, 'usage param.invalid: count must be a number, not ""'],
    [{ mode: 'fats' }, 'usage param.invalid: mode must be one of fast, slow, not "fats"'],
    [{ on: 1 }, 'usage param.invalid: on must be true or false, not 1'],
  ])('%j are rejected', async (params, expected) => {
    expect(await failure(bind(recipe, [web], params))).toBe(expected);
  });

  it('that are unset drop an optional input, and fail in a text or a required input', async () => {
    const needs = (line: string) =>
      bind(`params: { x: { type: string }, n: { type: number } }\n${steps(line)}`, [web]);
    expect(input(await needs('- health.wait: { deadline: "{{ n }}" }'), 'health.wait/web/web-1')).toEqual({});
    expect(await failure(needs('- run: echo {{ x }}'))).toBe('usage param.missing: {{ x }} is not set');
    expect(await failure(needs('- run: "{{ x }}"'))).toMatch(/^usage recipe.input: 1 problem in main.yml/);
  });

  it('and configuration values fill placeholders in texts', async () => {
    const text = `params: { x: 5 }\n${steps('- remote: "{{ x }} {{ service.name }} {{ instance.host }} {{ run.who }} \\\\{{.Names}}"')}`;
    const plan = await bind(text, [service('web', { count: 1 })]);
    expect(input(plan, 'shell.remote/web/web-1')).toEqual({ command: '5 web host-1 ada {{.Names}}' });
  });
});

describe('an included recipe', () => {
  const inner = `params: { pace: 3, more: 4 }\n${steps('- health.wait: { deadline: "{{ pace }}" }', '- health.wait: { deadline: "{{ more }}" }')}after: [release.prune]\n`;

  it('sees the parameters of the including recipe, and its "after:" runs first', async () => {
    const main = `params: { pace: 9 }\n${steps('- recipe: inner', '- run: ls')}after: [run: "notify"]\n`;
    const plan = await bind({ main, inner }, [service('web', { count: 1 })]);
    expect(input(plan, 'health.wait/web/web-1')).toEqual({ deadline: 9 });
    expect(input(plan, 'health.wait/web/web-1#2')).toEqual({ deadline: 4 });
    expect(outline(plan.after)).toEqual({ first: ['release.prune/web/web-1', 'shell.local#2'] });
  });

  it('that a service chooses and that does not exist fails with the available ones', async () => {
    const main = steps('- each: service', '  steps: [recipe: "swap-{{ service.swap }}"]');
    const bound = bind({ main, 'swap-plain': '- health.wait\n' }, [web, service('api', { swap: 'beside' })]);
    expect(await failure(bound)).toBe(
      'usage recipe.missing: api: unknown recipe "swap-beside" (available: swap-plain)',
    );
    await expect(bound).rejects.toMatchObject({ hint: 'create .oneclick/recipes/swap-beside.yml' });
  });
});

describe('a plan', () => {
  it('records the recipe, parameters and services', async () => {
    const plan = await bind(`holds: hosts\non-failure: stop\n${steps('- health.wait')}`, [web]);
    expect(plan).toMatchObject({
      run,
      holds: 'hosts',
      onFailure: 'stop',
      services: [web],
      recipeHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });
});
