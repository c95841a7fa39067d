import { describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { InvalidText } from '../../../src/domain/problem.js';
import { loadRecipe, verifyRecipes } from '../../../src/recipe/load.js';
import { load, recipesOf, tasks } from '../../fakes/recipes.js';

/** A recipe with these steps. */
const steps = (...lines: readonly string[]) =>
  ['summary: s', 'steps:', ...lines.map((line) => `  ${line}`), ''].join('\n');

/** `file:line:column message [suggestion]` of every problem. */
async function said(texts: Readonly<Record<string, string>> | string): Promise<readonly string[]> {
  try {
    await load(typeof texts === 'string' ? { main: texts } : texts);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidText)) throw error;
    return error.problems.map(
      (p) =>
        `${p.file === 'main.yml' ? '' : `${p.file}:`}${p.line}:${p.column} ${p.message}${p.suggestion === undefined ? '' : ` [${p.suggestion}]`}`,
    );
  }
}

describe('a valid recipe', () => {
  it.each([
    ['a task by its name', steps('- image.resolve')],
    ['a task with inputs', steps('- health.wait: { deadline: 5 }')],
    [
      'commands here and there',
      steps('- run: ./check {{ run.environment }}', '- remote: echo {{ service.name }} {{ instance.id }}'),
    ],
    ['a command with more to say', steps('- remote: { command: ls, timeout: 5 }')],
    [
      'a command as a list',
      steps('- image.resolve', '- each: service', '  steps:', '    - run: [say, "{{ image.image }}"]'),
    ],
    ['braces that stay', steps(`- run: docker ps --format '\\{{.Names}}'`)],
    ['receipts of later steps beside it', steps('- parallel:', '  - image.pull', '  - image.resolve')],
    ['receipts of several services', steps('- image.resolve', '- rollout.resolve', '- release.announce')],
    ['a receipt of its host', steps('- host.look', '- health.wait: { deadline: "{{ look.load }}" }')],
    ['an optional input whose default leads nowhere', steps('- rollout.resolve: { release: 3 }')],
  ])('can have %s', async (_, text) => {
    expect(await said(text)).toEqual([]);
  });

  it('has a hash that changes with any included recipe', async () => {
    const main = steps('- each: service', '  steps:', '    - recipe: swap-{{ service.swap }}');
    const hash = async (texts: Record<string, string>) => (await load(texts)).hash;
    const one = await hash({ main, 'swap-plain': '- health.wait\n' });
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(await hash({ main, 'swap-plain': '- health.wait\n', other: '- health.wait' })).toBe(one);
    expect(await hash({ main, 'swap-plain': '- health.wait # slowly\n' })).not.toBe(one);
    expect(await hash({ main, 'swap-plain': '- health.wait\n', 'swap-drain': '- health.wait' })).not.toBe(
      one,
    );
  });
});

describe('the problems of a recipe', () => {
  it('are all reported at once with their positions', async () => {
    const text = [
      'sumary: Put it there',
      'on-failure: revrt',
      'params:',
      '  batch: { type: string, defualt: 1 }',
      '  image: 3',
      'steps:',
      '  - image.resolv',
      '  - container.stop: { relaese: old }',
      '  - health.wait: { deadline: soon }',
      '  - rollout.resolve: { release: "{{ batsch }}" }',
    ].join('\n');
    expect(await said(text)).toEqual([
      '1:1 summary is missing',
      '1:1 unknown key "sumary" [summary]',
      '2:13 on-failure: must be revert or stop, not "revrt" [revert]',
      '4:26 unknown key "defualt" [default]',
      '7:5 unknown task "image.resolv" [image.resolve]',
      '8:5 container.stop requires "rollout": no earlier step provides "rollout": rollout.resolve does',
      '8:23 container.stop: unknown key "relaese" [release]',
      '9:30 health.wait: deadline: must be a number, not "soon"',
      '10:34 unknown name "batsch": not a parameter, receipt or configuration value',
    ]);
  });

  it.each([
    ['no list', 'summary: s\nsteps: image.pull\n', '2:8 steps: must be a list, not "image.pull"'],
    ['no steps', 'summary: s\nsteps: []\n', '2:8 must have at least one step'],
    ['a step that is no step', steps('- 7'), '3:5 must be a step, not 7'],
    [
      'a command without run',
      steps('- docker pull x'),
      '3:5 not a task; write a command as `- run: command`',
    ],
    ['run without a command', steps('- run:'), '3:5 "run:" requires a command'],
    ['a bare construct', steps('- parallel'), '3:5 "parallel:" requires a value'],
    [
      'two tasks in one',
      steps('- image.resolve:', '  image.pull:'),
      '4:5 a step has one task: is "- " missing before "image.pull"?',
    ],
    [
      'inputs that are none',
      steps('- health.wait: 5'),
      '3:18 health.wait expects a mapping of inputs, not 5',
    ],
    [
      'each of something else',
      steps('- each: servcie', '  steps: [image.resolve]'),
      '3:11 must be "service", not "servcie"',
    ],
    ['each without steps', steps('- each: service'), '3:5 "each:" requires "steps:"'],
    [
      'each with step',
      steps('- each: service', '  step: [image.resolve]'),
      '4:5 "step" cannot be combined with "each:" [steps]',
    ],
    [
      'a companion that does not fit',
      steps('- run: ls', '  steps: [image.resolve]'),
      '4:5 "steps" cannot be combined with "run:"',
    ],
    [
      'rolling without each',
      steps('- rolling: { batch: 1 }', '  steps: [health.wait]'),
      '3:5 "rolling:" must be inside "each: service"',
    ],
    [
      'a batch that is none',
      steps('- each: service', '  steps:', '    - rolling: { batch: 120% }', '      steps: [health.wait]'),
      '5:27 must be a batch, such as 1, 25% or all, not "120%"',
    ],
    [
      'a run task inside each',
      steps('- each: service', '  steps:', '    - release.announce: { rollouts: {} }'),
      '5:9 release.announce runs once per run: it cannot be inside "each: service"',
    ],
    [
      'a service task inside rolling',
      steps('- each: service', '  steps:', '    - rolling: { batch: 1 }', '      steps: [image.resolve]'),
      '6:17 image.resolve runs once per service: it cannot be inside "rolling:"',
    ],
    [
      'a receipt of each instance for the service',
      steps('- each: service', '  steps:', '    - remote: ls', '    - run: "{{ output }}"'),
      '6:15 shell.local expects text or a list here, but {{ output }} is one for each instance',
    ],
    [
      'a commit for one service',
      steps('- image.resolve', '- each: service', '  steps: [rollout.resolve, release.commit]'),
      '5:30 release.commit cannot be inside "each: service": all services are activated together',
    ],
    [
      'a commit beside others',
      steps('- image.resolve', '- rollout.resolve', '- parallel: [release.commit]'),
      '5:16 release.commit cannot be inside "parallel:"',
    ],
    [
      'a receipt that nobody leaves',
      steps('- parallel:', '    - health.wait: { deadline: "{{ look.load }}" }', '    - image.resolve'),
      '4:35 no earlier step provides "look": host.look does',
    ],
    [
      'a field that is not there',
      steps('- image.resolve', '- image.pull: { image: "{{ image.digset }}" }'),
      '4:27 "image" has no field "digset"',
    ],
    [
      'a field that was mistyped',
      steps('- image.resolve', '- image.pull: { image: "{{ image.imag }}" }'),
      '4:27 "image" has no field "imag" [image]',
    ],
    [
      'a field of another type',
      steps('- image.resolve', '- health.wait: { deadline: "{{ image.image }}" }'),
      '4:31 health.wait expects a number here, but {{ image.image }} is text',
    ],
    [
      'a whole receipt as text',
      steps('- image.resolve', '- image.pull: { image: "{{ image }}" }'),
      '4:27 image.pull expects text here, but {{ image }} is a mapping',
    ],
    [
      'a text for a number',
      steps('- health.wait: { deadline: "1{{ service.keep }}" }'),
      '3:31 health.wait expects a number here, not text',
    ],
    [
      'a mapping in a text',
      steps('- remote: echo {{ service.health }}'),
      '3:18 {{ service.health }} is a mapping: it cannot be part of a string',
    ],
    [
      'a receipt in a text',
      steps('- image.resolve', '- remote: echo {{ image.image }}'),
      '4:18 {{ image.image }} is known only during the run: it must be the whole value',
    ],
    [
      'a service for a step about none',
      steps('- run: echo {{ service.name }}'),
      '3:15 {{ service.name }} is not available: this step does not run per service',
    ],
    [
      'an instance for a step about none',
      steps('- image.resolve', '- each: service', '  steps:', '    - run: echo {{ instance.id }}'),
      '6:19 {{ instance.id }} is not available: this step does not run per instance',
    ],
    [
      'configuration that is not there',
      steps('- remote: echo {{ service.nmae }}'),
      '3:18 "service" has no field "nmae" [name]',
    ],
    [
      'a run that has no such field',
      steps('- run: echo {{ run.user }}'),
      '3:15 "run" has only the fields id, recipe, project, environment, who, commit, started',
    ],
    [
      'an expression',
      steps('- run: echo {{ a + b }}'),
      '3:15 "a + b" must be a name such as service.name; write \\{{ for literal braces',
    ],
    ['braces left open', steps('- run: echo {{ a'), '3:15 unclosed "{{"'],
    ['a missing recipe', steps('- recipe: mian'), '3:13 unknown recipe "mian" [main]'],
    [
      'a recipe by a free name',
      steps('- each: service', '  steps:', '    - recipe: x-{{ service.name }}'),
      '5:19 {{ service.name }} is not an enumeration',
    ],
    [
      'no recipe of an enumeration',
      steps('- each: service', '  steps:', '    - recipe: x-{{ service.swap }}'),
      '5:17 none of these recipes exist: x-plain, x-beside, x-drain',
    ],
    ['itself', steps('- recipe: main'), '3:13 a recipe includes itself: main -> main'],
    [
      'a parameter that takes a name',
      'summary: s\nparams: { image: 1 }\nsteps: [image.resolve]\n',
      '2:11 "image" is reserved for configuration or a receipt',
    ],
    [
      'a default of another type',
      'summary: s\nparams: { n: { type: number, default: x } }\nsteps: [image.resolve]\n',
      '2:39 must be a number, not "x"',
    ],
    [
      'a default outside its words',
      'summary: s\nparams: { n: { type: [a, b], default: c } }\nsteps: [image.resolve]\n',
      '2:39 must be one of a, b, not "c"',
    ],
    [
      'a step twice',
      'summary: s\nsteps: [image.resolve]\nsteps: [image.resolve]\n',
      '3:1 duplicate key "steps"',
    ],
  ])('include %s', async (_, text, expected) => {
    expect(await said(text)).toEqual([expected]);
  });

  it('include those of every recipe of an enumeration, in their own files', async () => {
    const main = steps('- each: service', '  steps:', '    - recipe: swap-{{ service.swap }}');
    const texts = { main, 'swap-plain': '- health.wai\n', 'swap-drain': '- [\n', other: '- nonsense' };
    expect(await said(texts)).toEqual([
      expect.stringMatching(/^swap-drain.yml:/),
      'swap-plain.yml:1:3 unknown task "health.wai" [health.wait]',
    ]);
  });

  it('include parallel steps that wait for each other', async () => {
    const circle = steps(
      '- parallel:',
      '    - rollout.resolve: { release: "{{ recalled.number }}" }',
      '    - release.recall: { to: "{{ rollout.release.number }}" }',
    );
    expect(await said(circle)).toEqual([
      '3:5 these steps wait for each other: rollout.resolve -> release.recall -> rollout.resolve',
    ]);
  });

  it('include receipts that only one of several alternatives provides', async () => {
    const main = [
      ...['- each: service', '  steps:', '    - recipe: swap-{{ service.swap }}', '    - image.pull'],
    ];
    const texts = {
      main: steps(...main),
      'swap-plain': '- image.resolve\n',
      'swap-drain': '- health.wait\n',
    };
    expect(await said(texts)).toHaveLength(1);
    expect(await said({ ...texts, 'swap-drain': '- image.resolve\n' })).toEqual([]);
  });
});

describe('recipes that include others', () => {
  const inner =
    'summary: i\nholds: hosts\nparams: { pace: 3 }\nsteps:\n  - health.wait: { deadline: "{{ pace }}" }\nafter:\n  - release.prune\n';

  it('share parameters, require "holds:", and keep "after:"', async () => {
    expect(await said({ main: `holds: hosts\n${steps('- recipe: inner')}`, inner })).toEqual([]);
    expect(await said({ main: steps('- recipe: inner'), inner })).toEqual([
      '3:13 "inner" holds hosts: add "holds: hosts" to the recipe that runs',
    ]);
    expect(await said({ main: `holds: hosts\n${steps('- parallel: [{ recipe: inner }]')}`, inner })).toEqual([
      '4:26 "inner" has "after:": include it at the top level of "steps:"',
    ]);
    expect(
      await said({ main: `holds: hosts\nparams: { pace: slow }\n${steps('- recipe: inner')}`, inner }),
    ).toEqual(['inner.yml:5:31 health.wait expects a number here, but {{ pace }} is text']);
  });

  it('in a cycle or without end are rejected quickly', async () => {
    const circle = await said({ main: steps('- recipe: a'), a: '- recipe: b\n', b: '- recipe: a\n' });
    expect(circle).toEqual(['b.yml:1:11 a recipe includes itself: a -> b -> a']);
    const many = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `r${i}`,
        `- recipe: r${i + 1}\n- recipe: r${i + 1}\n- parallel: [recipe: r${i + 1}]\n`,
      ]),
    );
    expect(await said({ main: steps('- recipe: r0'), ...many, r40: '- health.wait\n' })).toHaveLength(1);
  });
});

describe('the recipe of a name', () => {
  const failure = (name: string, texts: Record<string, string>) =>
    loadRecipe(name, [recipesOf(texts)], tasks).then(
      () => undefined,
      (error: unknown) => (error instanceof Failure ? `${error.kind} ${error.code} ${error.hint}` : error),
    );

  it('comes from the last source that has it', async () => {
    const sources = [
      recipesOf({ deploy: steps('- health.wait') }),
      recipesOf({ deploy: steps('- image.resolve') }),
    ];
    const { recipe } = await loadRecipe('deploy', sources, tasks);
    expect(recipe.steps).toMatchObject([{ task: 'image.resolve' }]);
  });

  it('must exist and be complete', async () => {
    const texts = { deploy: steps('- health.wait'), part: '- rolling: { batch: 1 }\n' };
    expect(await failure('deplyo', texts)).toBe('usage recipe.unknown did you mean deploy?');
    expect(await failure('../../etc/passwd', texts)).toMatch(/^usage recipe.unknown/);
    expect(await failure('part', { ...texts, part: '- health.wait' })).toMatch(/^usage recipe.partial/);
  });

  it('is never read outside of its folder', async () => {
    const read: string[] = [];
    const source = {
      list: async () => ['deploy', '../secrets', 'UPPER', '.hidden', 'a/b'],
      read: async (name: string) => {
        read.push(name);
        return { file: name, text: steps('- health.wait') };
      },
    };
    await loadRecipe('deploy', [source], tasks);
    expect(read).toEqual(['deploy']);
  });
});

describe('verified recipes', () => {
  const texts = { deploy: steps('- recipe: part'), part: '- health.wait\n', other: steps('- image.resolve') };
  /** Checking against these would report every task as unknown. */
  const noTasks = new Map();

  it('are not checked again', async () => {
    const vouched = await verifyRecipes([recipesOf(texts)], tasks);
    const loaded = await loadRecipe('deploy', [recipesOf(texts)], noTasks, vouched);
    expect(loaded.hash).toBe((await loadRecipe('deploy', [recipesOf(texts)], tasks)).hash);
    expect(loaded.recipe.steps).toMatchObject([{ kind: 'include', name: 'part' }]);
    expect([...loaded.included.keys()]).toEqual(['part']);
  });

  it('are checked again if a text or the set of recipes changes', async () => {
    const vouched = await verifyRecipes([recipesOf(texts)], tasks);
    for (const changed of [
      { ...texts, other: `${texts.other}\n` },
      { ...texts, more: texts.other },
    ]) {
      const loading = loadRecipe('deploy', [recipesOf(changed)], noTasks, vouched);
      await expect(loading).rejects.toMatchObject({ code: 'recipe.invalid' });
    }
  });

  it('cannot include an invalid recipe', async () => {
    const bad = { ...texts, other: steps('- health.wiat') };
    await expect(verifyRecipes([recipesOf(bad)], tasks)).rejects.toMatchObject({ code: 'recipe.invalid' });
  });
});
