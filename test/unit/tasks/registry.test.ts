import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { selectServices, unaskedServices } from '../../../src/app/choose-services.js';
import { withEnvironment } from '../../../src/app/connect.js';
import { Failure } from '../../../src/domain/failure.js';
import type { Service } from '../../../src/domain/service.js';
import type { Preview } from '../../../src/run/preview.js';
import type { FakeHost } from '../../fakes/host.js';
import { at, everywhere, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080);
const password = 'Pw9-planted-4711';
const login = { username: 'me', password, serveraddress: 'registry.test' };
const config = (parts: object) => ({ stdout: JSON.stringify(parts) });
const withPassword = {
  auths: { 'registry.test': { auth: Buffer.from(`me:${password}`).toString('base64') } },
};
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
  fleet.registry.push('registry.test/web:v1', {}, { auth: login });
});
afterEach(() => {
  expect(fleet.open).toEqual([]);
});

/** Answers commands of the host by their first words. */
function answer(host: FakeHost, answers: Readonly<Record<string, { code?: number; stdout?: string }>>): void {
  host.answers.unshift(({ argv }) => {
    const text = argv.join(' ');
    return Object.entries(answers).find(([words]) => text.includes(words))?.[1];
  });
}

const problemsOf = async () => {
  const result = await fleet.recipe('deploy', [web]);
  return result.kind === 'blocked' ? result.problems : result;
};

describe('without a login on this machine', () => {
  it("a deploy uses the host's own, and prints no part of it", async () => {
    for (const host of fleet.hosts) answer(host, { 'config.json': config(withPassword) });
    expect(await fleet.deploy(web)).toMatchObject({ result: 'done' });
    expect(fleet.runningTags()).toEqual(everywhere('web v1 unless-stopped'));
    expect(JSON.stringify([fleet.events, fleet.listener.lines])).not.toContain(password);
  });

  it('a credential helper of the host is asked on the host', async () => {
    const helper = JSON.stringify({ Username: 'me', Secret: password });
    for (const host of fleet.hosts)
      answer(host, {
        'config.json': config({ credHelpers: { 'registry.test': 'vault' } }),
        'docker-credential-vault get': { stdout: helper },
      });
    expect(await fleet.deploy(web)).toMatchObject({ result: 'done' });
  });

  it('a helper that the host lacks is named, and nothing changes', async () => {
    for (const host of fleet.hosts)
      answer(host, {
        'config.json': config({ credsStore: 'vault' }),
        'docker-credential-vault get': { code: 127 },
      });
    expect(await problemsOf()).toMatchObject([
      {
        kind: 'access',
        code: 'image.access',
        host: 'host-1',
        evidence: [expect.stringContaining('docker-credential-vault is not installed')],
        hint: expect.stringContaining('install docker-credential-vault'),
      },
    ]);
    expect(fleet.state()).toEqual([]);
  });

  it('a host without one either says how to log in', async () => {
    expect(await problemsOf()).toMatchObject([
      { kind: 'access', code: 'image.access', hint: expect.stringContaining('docker login registry.test') },
    ]);
  });

  it('a public image asks no host for its login', async () => {
    fleet.push('web', 'v2');
    const read: string[] = [];
    for (const host of fleet.hosts)
      host.answers.unshift(({ argv }) => {
        if (argv.join(' ').includes('config.json')) read.push(host.name);
        return undefined;
      });
    expect(await fleet.deploy(at(web, 'v2'))).toMatchObject({ result: 'done' });
    expect(read).toEqual([]);
  });
});

describe('the role of an instance', () => {
  it('is asked for a login at AWS ECR', async () => {
    const reference = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:v1';
    fleet.registry.push(reference, {}, { auth: login });
    const helper = JSON.stringify({ Username: 'AWS', Secret: password });
    for (const host of fleet.hosts) answer(host, { 'docker-credential-ecr-login get': { stdout: helper } });
    const ecr = { ...web, image: { kind: 'fixed' as const, reference, moves: true } };
    expect(await fleet.deploy(ecr)).toMatchObject({ result: 'done' });
  });
});

describe('a dry run of a deploy that builds first', () => {
  const reference = 'registry.test/web:v2';
  const planned = async (mode: 'always' | 'unless-pushed') => {
    const builds = { [reference]: mode };
    const result = await fleet.recipe('deploy', [at(web, 'v2')], { dryRun: 'plan', builds });
    if (result.kind !== 'planned') throw new Error(JSON.stringify(result));
    return result.preview.steps.map(({ title, verdict }) => ('because' in verdict ? verdict.because : title));
  };
  beforeEach(async () => {
    fleet.push('web', 'v1');
    await fleet.deploy(web);
  });

  it.each(['always', 'unless-pushed'] as const)(
    'plans with an image that is not built yet (%s)',
    async (mode) => {
      const before = fleet.state();
      const lines = await planned(mode);
      expect(lines).toContain(`${reference} will be built`);
      expect(lines).toContain(`pull ${reference}`);
      expect(lines).toContain(`release 2 (${reference}) replaces release 1`);
      expect(lines.join()).not.toContain('sha256:000');
      expect(fleet.state()).toEqual(before);
    },
  );

  it('uses the image of the commit if it was pushed', async () => {
    const digest = fleet.push('web', 'v2');
    expect(await planned('unless-pushed')).toContain(`${reference} is ${digest.slice(0, 19)}`);
    expect(await planned('always')).toContain(`${reference} will be built`);
  });
});

it('an image that was never pushed asks for --build if the service has build:', async () => {
  const image = { kind: 'build' as const, repository: 'registry.test/web', context: '/shop' };
  const session = await fleet.session([{ ...web, image }]);
  const request = { services: [at(web, 'v9')], needs: new Set(['hosts', 'registry'] as const) };
  const { problems } = await withEnvironment(session, request, (connected) => connected.snapshot());
  expect(problems).toMatchObject([
    {
      code: 'image.not-found',
      hint: 'add --build to build it first, or push it: oneclick build web --push',
    },
  ]);
});

describe('while the registry is down', () => {
  const kept: Service = { ...web, image: { kind: 'fixed', reference: 'registry.test/web:v2' } };
  let digest: string;
  beforeEach(async () => {
    fleet.push('web', 'v1');
    digest = fleet.push('web', 'v2');
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    for (const { engine } of fleet.hosts)
      for (const call of ['resolve', 'pull'] as const)
        engine.faults.fail(call, unreachable, Number.POSITIVE_INFINITY);
  });
  const unreachable = new Failure('unreachable', 'registry.unreachable', 'cannot look up web: dial tcp');
  const serves = (tag: string) => everywhere(`web ${tag} unless-stopped`);

  it('a rollback, a restart, a stop and a start do not need it', async () => {
    expect(await fleet.rollback(kept)).toMatchObject({ result: 'done' });
    expect(fleet.runningTags()).toEqual(serves('v1'));
    for (const recipe of ['restart', 'stop', 'start'])
      expect(await fleet.run(recipe, [web])).toMatchObject({ result: 'done' });
  });

  it('a deploy of the same tag with another configuration and a release command does not need it', async () => {
    const releaseCommand = { command: ['migrate'], timeout: 1000, onLaterFailure: 'revert' as const };
    expect(await fleet.deploy({ ...kept, env: { LEVEL: 'debug' } })).toMatchObject({ result: 'done' });
    expect(await fleet.dryRun('deploy', [{ ...kept, env: { LEVEL: 'info' }, releaseCommand }])).toMatchObject(
      {
        problems: [],
      },
    );
  });

  it('a deploy of a digest that the hosts have does not need it', async () => {
    const reference = `registry.test/web@${digest}`;
    const pinned = { ...web, image: { kind: 'fixed' as const, reference, moves: true } };
    expect(await fleet.deploy(pinned)).toMatchObject({ exitCode: 0 });
    fleet.host('host-2').engine.prune();
    const other = {
      ...pinned,
      image: { ...pinned.image, reference: `registry.test/web@sha256:${'1'.repeat(64)}` },
    };
    expect((await fleet.dryRun('deploy', [other])).problems).toEqual(['registry.unreachable']);
  });

  it('a tag that may have moved fails before anything changes, with the reason', async () => {
    const before = fleet.state();
    const result = await fleet.recipe('deploy', [at(web, 'v3')]);
    expect(result).toMatchObject({
      kind: 'blocked',
      problems: [
        { code: 'registry.unreachable', message: expect.stringContaining('dial tcp'), host: 'host-1' },
      ],
    });
    expect(fleet.state()).toEqual(before);
  });

  it('the tag of the commit keeps the current image with a warning, unless that is another one', async () => {
    const changed = { ...at(web, 'v2'), env: { LEVEL: 'debug' } };
    const cautions: string[] = [];
    const onPlanned = (preview: Preview) => void cautions.push(...preview.cautions);
    const request = { unasked: ['web'], onPlanned };
    expect(await fleet.recipe('deploy', [changed], request)).toMatchObject({ kind: 'ran' });
    expect(fleet.runningTags()).toEqual(serves('v2'));
    expect(cautions).toEqual(['web keeps its current image: cannot look up web: dial tcp']);
    expect(await fleet.recipe('deploy', [at(web, 'v1')], { unasked: ['web'] })).toMatchObject({
      kind: 'blocked',
      problems: [{ code: 'registry.unreachable' }],
    });
  });
});

describe('a service whose tag nobody asked for', () => {
  const image = { kind: 'build' as const, repository: 'registry.test/web', context: '/shop' };
  const all = [{ ...web, image }];
  const chosen = (request: Parameters<typeof selectServices>[1]) =>
    unaskedServices(all, selectServices(all, request), request);

  it('is one with the tag of the commit', () => {
    const selection = { services: [], only: [], images: [], commit: 'abc' };
    expect(chosen(selection)).toEqual(['web']);
    expect(chosen({ ...selection, services: ['web'] })).toEqual([]);
    expect(chosen({ ...selection, tag: 'abc' })).toEqual([]);
    expect(chosen({ ...selection, images: ['web=registry.test/web:v1'] })).toEqual([]);
  });
});
