import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { untouchedHosts } from '../../../src/app/choose-services.js';
import type { RecipeResult } from '../../../src/app/run-recipe.js';
import type { Service } from '../../../src/domain/service.js';
import { at, Fleet, type FleetRequest, serviceOn } from './fleet.js';

const on = (service: Service, ...numbers: readonly number[]): Service => ({
  ...service,
  instances: numbers.map((number) => ({ id: `i-${number}`, host: `host-${number}` })),
});

const web = serviceOn('web', 8080);
const worker = on({ ...serviceOn('worker', undefined), singleton: true, volumes: ['data:/data'] }, 1);
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
  for (const name of ['web', 'api', 'worker']) for (const tag of ['v1', 'v2']) fleet.push(name, tag);
});

/** Runs a recipe as the commands do, with the services as the whole configuration. */
async function run(
  recipe: string,
  services: readonly Service[],
  request: FleetRequest = {},
): Promise<RecipeResult> {
  const { environment } = await fleet.session(services);
  return fleet.recipe(recipe, services, {
    untouchedHosts: untouchedHosts(environment, services),
    ...request,
  });
}

async function done(recipe: string, services: readonly Service[], request: FleetRequest = {}) {
  const result = await run(recipe, services, request);
  if (result.kind !== 'ran') throw new Error(JSON.stringify(result));
  return result.report.outcome;
}

async function planned(recipe: string, services: readonly Service[], request: FleetRequest = {}) {
  const result = await run(recipe, services, { ...request, dryRun: 'plan' });
  if (result.kind === 'blocked') return { problems: result.problems, changes: [], cautions: [] };
  if (result.kind !== 'planned') throw new Error(result.kind);
  const { steps, cautions } = result.preview;
  const changes = steps.flatMap(({ verdict }) =>
    verdict.kind === 'todo' ? verdict.changes.map(({ host, text }) => `${host ?? '-'}: ${text}`) : [],
  );
  return { problems: [], changes, cautions };
}

const named = (changes: readonly string[], word: string) => changes.filter((text) => text.includes(word));

describe('a singleton whose host changes', () => {
  beforeEach(() => done('deploy', [worker]));

  it('is stopped on the old host, then started on the new one, and the plan says so', async () => {
    const moved = on(worker, 2);
    const { changes, cautions } = await planned('deploy', [moved]);
    expect(named(changes, 'worker-1')).toEqual([
      'host-1: stop shop-production-worker-1',
      'host-2: create shop-production-worker-1 from registry.test/worker:v1',
      'host-2: start shop-production-worker-1',
      'host-2: wait for shop-production-worker-1 to become healthy',
    ]);
    expect(cautions).toEqual([
      'worker moves from host-1 to host-2; its data does not move: volume data stays on host-1',
    ]);
    const order: string[] = [];
    for (const { name, engine } of fleet.hosts)
      for (const call of ['stop', 'start'] as const) {
        const note = () => {
          const [container] = engine.faults.calls.at(-1)?.args ?? [];
          if (String(container).includes('worker')) order.push(`${call} ${name}`);
        };
        engine.faults.before(call, note, Number.POSITIVE_INFINITY);
      }
    expect((await done('deploy', [moved])).result).toBe('done');
    expect(order).toEqual(['stop host-1', 'start host-2']);
    expect(fleet.running()).toEqual(['host-2 worker 1 unless-stopped']);
    for (const { engine } of fleet.hosts) engine.restart();
    expect(fleet.running()).toEqual(['host-2 worker 1 unless-stopped']);
  });

  it('moves with a new release too, and a rollback finds the old one', async () => {
    const moved = on(worker, 3);
    await done('deploy', [at(moved, 'v2')]);
    expect(fleet.running()).toEqual(['host-3 worker 2 unless-stopped']);
    await done('rollback', [worker]);
    expect(fleet.running()).toEqual(['host-1 worker 1 unless-stopped']);
  });

  it('runs on the old host again if it does not become healthy on the new one', async () => {
    fleet.push('worker', 'v2', { exits: { code: 1 } });
    const failed = await run('deploy', [at(on(worker, 2), 'v2')]);
    expect(failed).toMatchObject({
      kind: 'ran',
      report: {
        outcome: { result: 'reverted' },
        running: [{ host: 'host-1', service: 'worker', state: 'running' }],
      },
    });
    expect(fleet.running()).toEqual(['host-1 worker 1 unless-stopped']);
  });

  it.each(Array.from({ length: 20 }, (_, index) => index + 4))(
    'never runs twice, whenever the run dies (after %i events), and the next one moves or restores it',
    async (events) => {
      const moved = on(worker, 2);
      await run('deploy', [at(moved, 'v2')], { diesAfter: events });
      expect(fleet.running().length).toBeLessThanOrEqual(1);
      for (const { engine } of fleet.hosts) engine.restart();
      expect(fleet.running().length).toBeLessThanOrEqual(1);
      await done('deploy', [at(moved, 'v2')]);
      expect(fleet.running()).toEqual([expect.stringMatching(/^host-2 worker \d unless-stopped$/)]);
    },
  );

  it('is restored on the old host when the next run after a dead one fails', async () => {
    fleet.push('worker', 'v2', { exits: { code: 1 } });
    const moved = on(worker, 2);
    const { engine } = fleet.host('host-2');
    const dies = () => {
      if (String(engine.faults.calls.at(-1)?.args[0]).includes('worker')) fleet.interrupts.abandon.abort();
    };
    engine.faults.before('start', dies, 2);
    await run('deploy', [moved]);
    expect(fleet.running()).toEqual(['host-2 worker 1 no']);
    for (let times = 0; times < 2; times += 1) {
      expect((await done('deploy', [at(moved, 'v2')])).result).toBe('reverted');
      expect(fleet.running()).toEqual(['host-1 worker 1 unless-stopped']);
    }
  });

  it('is restored only where it ran when a move back fails', async () => {
    await done('deploy', [on(worker, 2)]);
    fleet.push('worker', 'v2', { exits: { code: 1 } });
    for (const service of [at(worker, 'v2'), at(on(worker, 3), 'v2'), at(on(worker, 2), 'v2')]) {
      expect((await done('deploy', [service])).result).toBe('reverted');
      expect(fleet.running()).toEqual(['host-2 worker 1 unless-stopped']);
    }
  });

  it('runs once again after it ran on two hosts', async () => {
    await fleet.deploy(on(worker, 2));
    expect(fleet.running()).toHaveLength(2);
    await done('deploy', [at(on(worker, 2), 'v2')]);
    expect(fleet.running()).toEqual(['host-2 worker 2 unless-stopped']);
  });

  it('is refused while a host that may run it cannot be read, unless that host is ignored', async () => {
    fleet.down.add('host-1');
    const moved = on(worker, 2);
    expect((await planned('deploy', [moved])).problems).toMatchObject([
      {
        ...{ code: 'singleton.unread', host: 'host-1' },
        message: 'worker is a singleton, and may still run on host-1, which cannot be read',
        hint: expect.stringContaining('--ignore-host host-1'),
      },
    ]);
    const { environment } = await fleet.session([moved]);
    const ignoring = { untouchedHosts: untouchedHosts(environment, [moved], ['host-1']) };
    expect((await planned('deploy', [moved], ignoring)).problems).toEqual([]);
  });

  it('is refused while it may run on a host that was removed from the configuration', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oneclick-former-'));
    fleet = new Fleet(3, { folder });
    for (const tag of ['v1', 'v2']) fleet.push('worker', tag);
    await done('deploy', [worker]);
    fleet.unlisted.add('host-1');
    const moved = on(worker, 2);
    expect((await planned('deploy', [moved])).problems).toMatchObject([
      {
        ...{ code: 'singleton.former', host: 'host-1' },
        message: 'worker is a singleton, and may still run on host-1, which is no longer configured',
        hint: expect.stringContaining('--ignore-host host-1'),
      },
    ]);
    await done('deploy', [moved], { ignoredHosts: ['host-1'] });
    expect((await planned('deploy', [at(moved, 'v2')])).problems).toEqual([]);
    await rm(folder, { recursive: true });
  });

  it('never runs twice by a recipe that does not stop it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oneclick-recipe-'));
    await mkdir(join(folder, '.oneclick/recipes'), { recursive: true });
    const steps = ['- container.create', '- container.start', '- health.wait', ''];
    await writeFile(join(folder, '.oneclick/recipes/swap-plain.yml'), steps.join('\n'));
    fleet = new Fleet(3, { folder });
    fleet.push('worker', 'v1');
    await done('deploy', [worker]);
    expect((await planned('deploy', [on(worker, 2)])).problems).toMatchObject([
      { code: 'singleton.elsewhere', hint: expect.stringContaining('container.retire') },
    ]);
    await rm(folder, { recursive: true });
  });

  it('does not depend on other hosts while it stays', async () => {
    fleet.down.add('host-3');
    expect((await done('deploy', [at(worker, 'v2')])).result).toBe('done');
    expect(fleet.running()).toEqual(['host-1 worker 2 unless-stopped']);
  });

  it('is not started a second time by start', async () => {
    await done('deploy', [on(worker, 2)]);
    expect((await planned('start', [worker])).problems).toMatchObject([
      { code: 'singleton.elsewhere', hint: 'to move it to host-1: oneclick deploy worker' },
    ]);
    await done('deploy', [worker]);
    expect(fleet.running()).toEqual(['host-1 worker 1 unless-stopped']);
  });
});

describe('the plan of a deploy', () => {
  it('names services that run but are no longer configured', async () => {
    const old = { ...web, name: 'web-old' };
    fleet.push('web', 'v1');
    await done('deploy', [on(old, 1)]);
    const { cautions } = await planned('deploy', [on({ ...web, port: { host: 8081, container: 80 } }, 1, 2)]);
    expect(cautions).toEqual([
      'web-old runs on host-1 but is no longer configured; remove it: oneclick prune',
    ]);
  });

  it('names a service on a host that it was removed from', async () => {
    await done('deploy', [web]);
    expect((await planned('deploy', [on(web, 1, 2)])).cautions).toEqual([
      'web runs on host-3, but is configured only on host-1, host-2; remove it: oneclick prune',
    ]);
  });

  it('suggests a prune if the removed service holds the port', async () => {
    await done('deploy', [on({ ...web, name: 'web-old' }, 1)]);
    expect((await planned('deploy', [on(web, 1)])).problems).toMatchObject([
      {
        ...{ code: 'port.taken', host: 'host-1' },
        hint: 'web-old runs on host-1 but is no longer configured; remove it: oneclick prune',
      },
    ]);
  });
});

describe('a prune', () => {
  const api = serviceOn('api', 9090, { volumes: ['uploads:/uploads', '/srv:/srv'] });

  it('stops and removes a removed service, its log lines and its images, and nothing else', async () => {
    await done('deploy', [web, on(api, 1, 2)]);
    await done('deploy', [web, at(on(api, 1, 2), 'v2')]);
    const { engine } = fleet.host('host-1');
    engine.addForeign({ name: 'theirs', state: 'exited' });
    const { changes, cautions } = await planned('prune', [web]);
    expect(named(changes, 'host-1').map((text) => text.replace(/sha256:.*/, '…'))).toEqual([
      'host-1: remove shop-production-api-1',
      'host-1: stop and remove shop-production-api-2',
      'host-1: remove image registry.test/api@…',
      'host-1: remove image registry.test/api@…',
      'host-1: remove 2 release log lines of api',
    ]);
    expect(cautions[0]).toMatch(/^volume shop-production-uploads will be kept on host-1; .* --volumes/);
    expect((await done('prune', [web])).result).toBe('done');
    expect(engine.faults.calls.filter(({ call }) => call === 'stop').at(-1)?.args[1]).toBe(100);
    expect(fleet.runningTags()).toEqual(
      ['host-1', 'host-2', 'host-3'].map((host) => `${host} web v1 unless-stopped`),
    );
    expect(engine.all().map(({ name }) => name)).toContain('theirs');
    expect((await engine.images()).flatMap(({ digests }) => digests).join()).not.toContain('/api@');
    expect(Object.keys((await fleet.facts([web])).hosts['host-1']?.log ?? {})).toEqual(['web']);
    expect((await done('prune', [web])).result).toBe('unchanged');
  });

  it('removes data volumes only if asked, and lists them', async () => {
    await done('deploy', [web, on(api, 1)]);
    const volumes = await planned('prune', [web], { params: { volumes: true } });
    expect(named(volumes.changes, 'volume ')).toEqual([
      'host-1: remove volume shop-production-uploads with its data',
    ]);
    const { engine } = fleet.host('host-1');
    await done('prune', [web], { params: { volumes: true } });
    const removed = engine.faults.calls.filter(({ call }) => call === 'removeVolume');
    expect(removed.map(({ args }) => args[0])).toContain('shop-production-uploads');
  });

  it('names everything that is in use elsewhere in one warning, and finds it again later', async () => {
    await done('deploy', [web, on(api, 1, 2)]);
    for (const name of ['host-1', 'host-2'])
      fleet
        .host(name)
        .engine.addForeign({ name: 'theirs', state: 'exited', volumes: ['shop-production-uploads'] });
    const params = { volumes: true };
    expect(await done('prune', [web], { params })).toMatchObject({ result: 'done', exitCode: 0 });
    const warnings = fleet.events.filter(({ type }) => type === 'run.warning');
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings)).toContain(
      'volume shop-production-uploads on host-1; volume shop-production-uploads on host-2',
    );
    for (const name of ['host-1', 'host-2']) await fleet.host(name).engine.remove('theirs');
    expect(named((await planned('prune', [web], { params })).changes, 'volume ')).toHaveLength(2);
  });

  it('keeps a volume that a configured service mounts', async () => {
    await done('deploy', [web, on(api, 1)]);
    const renamed = on({ ...api, name: 'worker' }, 1);
    const { changes, cautions } = await planned('prune', [web, renamed], { params: { volumes: true } });
    expect([named(changes, 'volume '), cautions]).toEqual([[], []]);
  });

  it('removes a moved singleton from its old host, but never the only running one', async () => {
    await done('deploy', [worker]);
    const moved = on(worker, 2);
    const before = await planned('prune', [moved]);
    expect(before.changes).toEqual([]);
    expect((await done('prune', [moved])).result).toBe('unchanged');
    expect(fleet.running()).toEqual(['host-1 worker 1 unless-stopped']);
    await done('deploy', [moved]);
    await done('prune', [moved]);
    expect(fleet.state()).toEqual(['host-2 shop-production-worker-1 running unless-stopped']);
    await done('deploy', [at(moved, 'v2')]);
    await done('rollback', [moved]);
    expect(fleet.running()).toEqual(['host-2 worker 1 unless-stopped']);
  });

  it('removes everything, and the network container, from a host that runs nothing any more', async () => {
    await done('deploy', [web]);
    await done('prune', [on(web, 1, 2)]);
    expect(fleet.host('host-3').engine.all()).toEqual([]);
    expect(fleet.host('host-1').engine.all()).toHaveLength(2);
  });

  it('can be limited to hosts', async () => {
    await done('deploy', [web, api]);
    await done('prune', [web], { params: { hosts: 'host-2' } });
    expect(named(fleet.running(), 'api')).toEqual([
      'host-1 api 1 unless-stopped',
      'host-3 api 1 unless-stopped',
    ]);
    fleet.down.add('host-3');
    const unread = await planned('prune', [on(web, 1, 2)], { params: { hosts: 'host-3' } });
    expect(unread.problems).toMatchObject([{ code: 'host.unknown', host: 'host-3' }]);
  });

  it('leaves a running release command and exec alone', async () => {
    await done('deploy', [web]);
    const labels = {
      ...{ 'oneclick.project': 'shop', 'oneclick.environment': 'production', 'oneclick.service': 'api' },
    };
    const { engine } = fleet.host('host-1');
    for (const role of ['command', 'exec'])
      for (const state of ['running', 'exited'] as const)
        engine.addForeign({ name: `${role}-${state}`, state, labels: { ...labels, 'oneclick.role': role } });
    await done('prune', [web]);
    const left = engine.all().map(({ name }) => name);
    expect(left).toEqual(expect.arrayContaining(['command-running', 'exec-running']));
    expect(left.join()).not.toContain('exited');
  });

  it('is explained as commands', async () => {
    await done('deploy', [on(web, 1), on(api, 1)]);
    const result = await run('prune', [on(web, 1)], { dryRun: 'commands', params: { volumes: true } });
    const lines =
      result.kind === 'explained' ? result.explanation.steps.flatMap(({ commands }) => commands) : [];
    expect(lines.map(({ line }) => line.replace(/sha256:\w*/, '…'))).toEqual([
      'docker update --restart no shop-production-api-1',
      'docker stop -t 1 shop-production-api-1',
      'docker rm --force shop-production-api-1',
      'docker rmi registry.test/api@…',
      'docker volume rm shop-production-uploads',
      'docker volume rm oneclick-log-shop-production-api-1',
    ]);
  });
});

describe('behind a load balancer', () => {
  const balanced = { targetGroup: 'shop', swap: 'drain' as const };
  let group: string;

  beforeEach(() => {
    for (const number of [1, 2, 3]) fleet.cloud.launch(`i-${number}`);
    group = fleet.cloud.addGroup('shop');
    fleet.serveBalancer(group, 'shop-lb.elb.example.com');
  });

  const targets = async () =>
    (await fleet.cloud.targets(group)).map(({ id, port, state }) => `${id}:${port} ${state}`).sort();

  /** The instance IDs of all hosts, as in the configuration. */
  const ids = Object.fromEntries([1, 2, 3].map((number) => [`host-${number}`, `i-${number}`]));

  it('a singleton drains before it moves, and is registered again if the move fails', async () => {
    fleet.instanceIds = ids;
    const single = on(serviceOn('web', 8080, { ...balanced, singleton: true }), 1);
    await done('deploy', [single]);
    fleet.push('web', 'v2', { exits: { code: 1 } });
    const failing = await done('deploy', [at(on(single, 2), 'v2')]);
    expect([failing.result, await targets()]).toEqual(['reverted', ['i-1:8080 healthy']]);
    await done('deploy', [on(single, 2)]);
    expect([fleet.running(), await targets()]).toEqual([
      ['host-2 web 1 unless-stopped'],
      ['i-2:8080 healthy'],
    ]);
  });

  it('a prune drains the targets that a leftover still serves', async () => {
    fleet.instanceIds = ids;
    const web = serviceOn('web', 8080, balanced);
    await done('deploy', [web]);
    const { changes } = await planned('prune', [on(web, 1, 2)]);
    expect(changes[0]).toBe('-: deregister i-3:8080 from shop');
    const states: (readonly string[])[] = [];
    const watch = async () => void states.push(await targets());
    fleet.host('host-3').engine.faults.before('stop', watch);
    expect((await done('prune', [on(web, 1, 2)])).result).toBe('done');
    expect(states).toEqual([['i-1:8080 healthy', 'i-2:8080 healthy']]);
  });

  it('a prune never removes the last healthy target', async () => {
    fleet.instanceIds = ids;
    const web = serviceOn('web', 8080, balanced);
    await done('deploy', [web]);
    for (const id of ['i-1', 'i-2']) fleet.cloud.answer({ id, port: 8080 }, 'unhealthy');
    await fleet.clock.advance(120_000);
    expect((await planned('prune', [on(web, 1, 2)])).problems).toMatchObject([{ code: 'target.last' }]);
    expect(fleet.running()).toHaveLength(3);
  });
});
