import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chooseCanary } from '../../../src/app/canary.js';
import { compareReleases } from '../../../src/app/diff.js';
import type { RecipeResult } from '../../../src/app/run-recipe.js';
import { Failure } from '../../../src/domain/failure.js';
import type { Service } from '../../../src/domain/service.js';
import { at, everywhere, Fleet, serviceOn } from './fleet.js';

const web: Service = { ...serviceOn('web', 8080), secrets: ['TOKEN', 'KEY'] };
const next = at(web, 'v2');
let folder: string;
let fleet: Fleet;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oneclick-secrets-'));
  fleet = new Fleet(3, { folder });
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
  fleet.secrets.set('TOKEN', 'first-token').set('KEY', 'first-key');
  await fleet.deploy(web);
});

afterEach(async () => {
  expect(fleet.open).toEqual([]);
  await rm(folder, { recursive: true });
});

const serves = (tag: string) => everywhere(`web ${tag} unless-stopped`);
const problemsOf = (result: RecipeResult) => (result.kind === 'blocked' ? result.problems : result);
const journalOf = (run: string) => readFile(join(folder, `.oneclick/runs/${run}.jsonl`), 'utf8');
const unredacted = () => JSON.stringify(fleet.events);
const blocked = (names: string, ...neededBy: readonly string[]) => [
  {
    kind: 'access',
    code: 'secret.missing',
    message: `no value for ${names}`,
    evidence: expect.arrayContaining([
      expect.stringContaining('not in the environment, no file .env.production'),
      ...neededBy,
    ]),
    hint: expect.stringMatching(/^add \w+=… to \.env\.production, or set it in the environment$/),
  },
];

describe('without values of secrets', () => {
  beforeEach(async () => {
    await fleet.deploy(next);
    fleet.secrets.clear();
  });

  it('a rollback to kept containers runs', async () => {
    expect(await fleet.rollback(web)).toMatchObject({ result: 'done' });
    expect(fleet.runningTags()).toEqual(serves('v1'));
    expect(fleet.warnings).toEqual([]);
  });

  it('a rollback that must create a container is blocked before anything changes, and names it', async () => {
    fleet.host('host-3').engine.prune();
    const before = fleet.state();
    const reason = 'needed to create web release 1 on host-3';
    for (const request of [{}, { dryRun: 'plan' as const }, { confirm: async () => true }])
      expect(problemsOf(await fleet.recipe('rollback', [web], request))).toMatchObject(
        blocked('secrets KEY, TOKEN', reason),
      );
    expect(fleet.state()).toEqual(before);
  });

  it('a rollback with current values is blocked', async () => {
    const params = { 'current-secrets': true };
    expect(problemsOf(await fleet.recipe('rollback', [web], { params }))).toMatchObject(
      blocked(
        'secrets KEY, TOKEN',
        'needed to create web release 1 on host-1, web release 1 on host-2, web release 1 on host-3',
      ),
    );
  });

  it.each(['restart', 'stop', 'settle'])('%s runs', async (recipe) => {
    expect((await fleet.recipe(recipe, [next])).kind).toBe('ran');
  });

  it('a start runs', async () => {
    await fleet.run('stop', [next]);
    expect(await fleet.run('start', [next])).toMatchObject({ result: 'done' });
  });

  it('a deploy that changes nothing says that it could not compare them', async () => {
    const preview = await fleet.preview('deploy', [next]);
    const notes = preview.steps.flatMap(({ verdict }) => ('because' in verdict ? [verdict.because] : []));
    expect(notes).toContain(
      'release 2 already runs as shop-production-web-2, without comparing KEY, TOKEN (no value here)',
    );
    expect(await fleet.deploy(next)).toMatchObject({ result: 'unchanged' });
  });

  it('a deploy of a new release is blocked, and all missing names of all services are listed', async () => {
    fleet.push('api', 'v1');
    const api = { ...serviceOn('api', 9090), secrets: ['OTHER'] };
    const release = {
      ...at(web, 'v3'),
      releaseCommand: { command: ['migrate'], timeout: 1000, onLaterFailure: 'stop' as const },
    };
    const before = fleet.state();
    expect(problemsOf(await fleet.recipe('deploy', [release, api]))).toMatchObject(
      blocked('secrets KEY, TOKEN, OTHER'),
    );
    expect(fleet.state()).toEqual(before);
  });

  it('no secret is reported as changed', async () => {
    fleet.secrets.set('KEY', 'second-key');
    const { steps } = await fleet.preview('rollback', [web]);
    const text = JSON.stringify(steps);
    expect(text).toContain('older values of KEY (');
    expect(text).not.toContain('TOKEN (');
  });
});

describe('a rotated secret', () => {
  const notesOf = async (service: Service) => {
    const { steps } = await fleet.preview('deploy', [service]);
    return steps.flatMap(({ verdict }) => ('because' in verdict ? [verdict.because] : []));
  };
  beforeEach(() => {
    fleet.secrets.set('KEY', 'second-key');
  });

  it('is the reason that the plan gives, by name', async () => {
    const notes = await notesOf(web);
    expect(notes).toContain('release 2 (registry.test/web:v1) replaces release 1, because KEY changed');
    expect(JSON.stringify(notes)).not.toContain('second-key');
  });

  it('is named next to other changes', async () => {
    expect(await notesOf(next)).toContain(
      'release 2 (registry.test/web:v2) replaces release 1, with new values of KEY',
    );
  });

  it('is a difference between the current release and the configuration', async () => {
    const { services } = await fleet.connected([web], async (connected) => {
      await connected.readSecrets(web.secrets);
      const [session, facts] = [await fleet.session([web]), await connected.facts()];
      return compareReleases(session, facts, ['web'], ['next']);
    });
    expect(services[0]?.keys).toEqual([{ key: 'secrets.KEY', from: 'set', to: 'changed' }]);
  });

  it('of another service does not replace a variable of the same name', async () => {
    fleet.push('api', 'v1');
    const api = { ...serviceOn('api', 9090), env: { KEY: 'plain' } };
    await fleet.deploy(web, api);
    expect(await fleet.deploy(web, api)).toMatchObject({ result: 'unchanged' });
    fleet.push('api', 'v2');
    await fleet.deploy(at(api, 'v2'));
    expect(JSON.stringify((await fleet.preview('rollback', [api])).steps)).not.toContain('older values of');
  });
});

describe('a release that needs a secret that is no longer configured', () => {
  it('is blocked before anything changes if a container must be created', async () => {
    const without = { ...next, secrets: [] };
    await fleet.deploy(without);
    fleet.secrets.clear();
    expect((await fleet.dryRun('rollback', [without])).problems).toEqual([]);
    fleet.host('host-1').engine.prune();
    expect(problemsOf(await fleet.recipe('rollback', [without]))).toMatchObject(
      blocked('secrets KEY, TOKEN', 'needed to create web release 1 on host-1'),
    );
    fleet.secrets.set('TOKEN', 'first-token').set('KEY', 'first-key');
    expect(await fleet.rollback(without)).toMatchObject({ result: 'done' });
  });
});

describe('a canary without values', () => {
  const beside: Service = {
    ...web,
    swap: 'beside',
    targetGroup: 'shop-web',
    port: { host: 80, container: 80, range: { from: 20_000, to: 20_040 } },
  };

  beforeEach(async () => {
    for (const { id } of web.instances) fleet.cloud.launch(id);
    fleet.serveBalancer(fleet.cloud.addGroup('shop-web'), 'shop-web-lb.elb.example.com');
    await fleet.deploy(beside);
    await fleet.run('canary', chooseCanary([at(beside, 'v3')], '10%').services);
    fleet.secrets.clear();
  });

  it('is rolled back', async () => {
    expect(await fleet.rollback(beside)).toMatchObject({ result: 'done' });
  });

  it('is not promoted, because the other hosts have no container', async () => {
    const result = await fleet.recipe('promote', [beside]);
    expect(problemsOf(result)).toMatchObject(
      blocked(
        'secrets KEY, TOKEN',
        expect.stringMatching(/on host-2, web release \d+ on host-3$/) as unknown as string,
      ),
    );
  });
});

describe('a run that died', () => {
  it('is refused without values before it changes anything, and can be undone', async () => {
    await fleet.run('deploy', [next], {}, 20);
    fleet.secrets.clear();
    const before = fleet.state();
    expect(problemsOf(await fleet.resume(false))).toMatchObject(blocked('secrets KEY, TOKEN'));
    expect(fleet.state()).toEqual(before);
    expect(await fleet.resume(true)).toMatchObject({
      kind: 'ran',
      report: { outcome: { result: 'reverted' } },
    });
    expect(fleet.runningTags()).toEqual(serves('v1'));
  });

  it('is resumed without values once all its containers exist', async () => {
    const one = { ...next, instances: next.instances.slice(0, 1) };
    fleet.host('host-1').engine.faults.before('start', () => fleet.interrupts.abandon.abort());
    await fleet.deploy(one);
    fleet.secrets.clear();
    expect(await fleet.resume(false)).toMatchObject({ kind: 'ran', report: { outcome: { result: 'done' } } });
  });
});

describe('a run that died while it created its last container', () => {
  it('is resumed without values if the container exists', async () => {
    const one = { ...next, instances: next.instances.slice(0, 1) };
    await fleet.deploy(one);
    const isCreate = (step: string) => step.startsWith('container.create');
    const created = fleet.events.findIndex((event) => event.type === 'step.done' && isCreate(event.step));
    await fleet.run('deploy', [at(one, 'v3')], {}, created);
    expect(fleet.events.at(-1)).toMatchObject({
      type: 'step.started',
      step: expect.stringMatching(/^container.create/),
    });
    fleet.secrets.clear();
    expect(await fleet.resume(false)).toMatchObject({ kind: 'ran', report: { outcome: { result: 'done' } } });
  });
});

describe('a command that prints a secret', () => {
  beforeEach(async () => {
    fleet.secrets.delete('KEY');
    fleet.secretCommands.set('KEY', 'first-key');
    await fleet.deploy(next);
    fleet.commandsRun.length = 0;
    fleet.secretCommands.set('KEY', undefined);
  });

  it.each(['restart', 'rollback', 'settle'])('does not run for %s', async (recipe) => {
    expect((await fleet.recipe(recipe, [next])).kind).toBe('ran');
    expect(fleet.commandsRun).toEqual([]);
  });

  it('runs for a rollback that must create a container', async () => {
    fleet.host('host-3').engine.prune();
    expect(problemsOf(await fleet.recipe('rollback', [next]))).toMatchObject([
      { message: 'no value for secret KEY' },
    ]);
    fleet.secretCommands.set('KEY', 'second-key');
    expect(await fleet.rollback(next)).toMatchObject({ result: 'done' });
    expect(fleet.commandsRun).toEqual(['KEY', 'KEY']);
  });

  it('runs for a rollback with current values, which recreates containers with others', async () => {
    fleet.secretCommands.set('KEY', 'second-key');
    const { changes } = await fleet.dryRun('rollback', [next], { 'current-secrets': true });
    expect(changes.filter((line) => line.includes('create'))).toHaveLength(3);
  });

  it('does not block a deploy that changes nothing', async () => {
    expect(await fleet.deploy(next)).toMatchObject({ result: 'unchanged' });
  });
});

describe('the journal of a run without values', () => {
  it('has no secret of a container, neither of the new nor of the old release', async () => {
    const [token] = ['first-token'];
    fleet.push('web', 'bad', { answers: 500, logs: [`connecting with ${token}`, 'and new-token'] });
    fleet.secrets.set('TOKEN', 'new-token');
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ result: 'reverted' });
    const text = await journalOf('run-2');
    expect(text).toContain('connecting with ***');
    expect(text).not.toMatch(/first-token|new-token/);
    expect(unredacted()).toContain('first-token');
  });

  it('has no secret that only the containers know', async () => {
    await fleet.deploy(next);
    fleet.secrets.clear();
    const failure = new Failure('failed', 'engine.failed', 'cannot use first-token');
    fleet.host('host-1').engine.faults.fail('start', failure);
    expect(await fleet.rollback(web)).toMatchObject({ exitCode: 1 });
    expect(unredacted()).toContain('cannot use first-token');
    expect(await journalOf('run-3')).toContain('cannot use ***');
    expect(await journalOf('run-3')).not.toContain('first-token');
  });

  it('has no secret that a local command prints', async () => {
    await mkdir(join(folder, '.oneclick/recipes'), { recursive: true });
    const note = 'summary: Say it\nsteps:\n  - run: echo say first-token\n';
    await writeFile(join(folder, '.oneclick/recipes/note.yml'), note);
    expect(await fleet.run('note', [web])).toMatchObject({ result: 'done' });
    expect(unredacted()).toContain('first-token');
    expect(await journalOf('run-2')).toContain('echo say ***');
    expect(await journalOf('run-2')).not.toContain('first-token');
  });
});
