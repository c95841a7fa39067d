import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ReadableRun } from '../../../src/app/runs.js';
import { needsAttention, type StatusInput, statusDocument } from '../../../src/app/status.js';
import { watchFlag } from '../../../src/cli/commands/status/run.js';
import { Failure } from '../../../src/domain/failure.js';
import { statusText } from '../../../src/report/status.js';
import { plainStyle } from '../../../src/report/style.js';
import { run } from '../../fakes/recipes.js';
import { at, Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080);
const page = { columns: 80, style: plainStyle };
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
});

async function sight(parts: Partial<StatusInput> = {}): Promise<StatusInput> {
  const services = [web];
  return {
    id: run,
    services,
    facts: await fleet.facts(services),
    now: fleet.clock.now(),
    problems: [],
    holders: [],
    runs: [],
    ...parts,
  };
}
const text = (seen: StatusInput) => statusText(statusDocument(seen), page, fleet.clock.now());

const runOf = (id: string, state: 'unfinished' | 'ended', started: string): ReadableRun => ({
  ...{ id, state, services: [web] },
  run: { ...run, id, recipe: 'deploy', started },
});

describe('the status', () => {
  it('reports an empty and a healthy environment', async () => {
    expect(text(await sight())).toMatch(/^production: nothing is deployed yet\n/);
    await fleet.deploy(web);
    const said = text(await sight());
    expect(said).toBe(
      [
        'production: all 3 instances run their current release',
        '',
        'SERVICE  HOST    RELEASE  IMAGE   STATE    SINCE     BY',
        'web      host-1  1        web:v1  running  just now  ada',
        'web      host-2  1        web:v1  running  just now  ada',
        'web      host-3  1        web:v1  running  just now  ada',
        '',
      ].join('\n'),
    );
  });

  it('explains the problem of each instance', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    const [one, two, three] = fleet.hosts;
    one?.engine.crash('shop-production-web-2', 137);
    await two?.engine.stop('shop-production-web-2', 0);
    await two?.engine.start('shop-production-web-1');
    await three?.engine.setRestart('shop-production-web-2', 'no');
    three?.engine.crash('shop-production-web-2', 3);
    const said = text(await sight());
    expect(said).toMatch(/^production: 3 of 3 instances need attention\n/);
    expect(said).toContain('restarting, 1 restart');
    expect(said).toContain(
      'problem  web on host-1: container keeps crashing: 1 restart, exited with code\n         137\n',
    );
    expect(said).toContain('problem  web on host-2: runs release 1, but release 2 is current\n');
    expect(said).toContain('problem  web on host-3: container exited with code 3\n');
    expect(said.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('notes what failed runs keep, without alarm', async () => {
    await fleet.deploy(web);
    fleet.push('web', 'bad', { answers: 500 });
    await fleet.deploy(at(web, 'bad'));
    const said = text(await sight());
    expect(said).toMatch(/^production: all 3 instances run their current release\n/);
    expect(said).toContain('failed   run run-2 of web on host-1; its logs: oneclick logs --run run-2\n');
    expect(statusDocument(await sight()).left).toEqual([]);
  });

  it('keeps the documented shape of its JSON', async () => {
    await fleet.deploy(web);
    const { environment, services } = statusDocument(await sight());
    expect(environment).toBe('production');
    expect(services).toMatchObject([{ name: 'web', release: 1 }]);
    expect(services[0]?.instances[0]).toMatchObject({
      ...{ id: 'i-1', host: 'host-1', release: 1, image: 'registry.test/web:v1', state: 'running' },
      ...{ digest: expect.stringMatching(/^sha256:/), health: null, since: expect.any(String) },
    });
  });

  it('reports the problem of an unreachable host', async () => {
    await fleet.deploy(web);
    const { facts } = await sight();
    const { 'host-2': _, ...hosts } = facts.hosts;
    const problems = [new Failure('unreachable', 'host.refused', 'nobody is at home', { host: 'host-2' })];
    const said = text(await sight({ facts: { ...facts, hosts }, problems }));
    expect(said).toMatch(/^production: 1 of 3 instances needs attention\n/);
    expect(said).toContain('problem  web on host-2: nobody is at home\n');
  });

  it('reports leases, unfinished runs, full disks, leftovers and different engines', async () => {
    await fleet.deploy(web);
    await fleet.run('deploy', [at(web, 'v2')], {}, 14);
    const { facts } = await sight();
    const first = facts.hosts['host-1'];
    if (first === undefined) throw new Error('a fleet without a host');
    const small = { ...first, diskFree: 1e9, diskSize: 4e10, engine: { ...first.engine, version: '20.10' } };
    const since = fleet.clock.now().toISOString();
    const held = { host: 'host-1', who: 'eve', run: 'r9', recipe: 'deploy', since, step: 'image.pull/web' };
    const open = runOf('run-2', 'unfinished', since);
    const said = text(
      await sight({
        facts: { ...facts, hosts: { ...facts.hosts, 'host-1': small } },
        holders: [{ ...held, project: 'shop', environment: 'production' }],
        runs: [open, runOf('r9', 'unfinished', since), runOf('over', 'ended', since)],
      }),
    );
    expect(said).toContain('lease    held by eve on host-1: deploy r9, started just now, now pulling the\n');
    expect(said).toContain(
      'run      deploy run-2, started by ada just now, was interrupted: oneclick resume\n',
    );
    expect(said).toContain('disk     host-1: 1.0 GB free of 40.0 GB\n');
    expect(said).toMatch(
      /cleanup {2}shop-production-web-2 on host-\d: left over from run run-2, which died;/,
    );
    expect(said).toMatch(/engine {3}Docker 20\.10 .* on host-1; Docker .* on 2\s+hosts \(host-2, host-3\)/);
    expect(said).not.toContain('resume r9');
    expect(said).not.toContain('resume over');
  });

  it('reports what runs but is no longer configured', async () => {
    const db = { ...serviceOn('db', undefined, { singleton: true, count: 1 }) };
    fleet.push('db', 'v1');
    await fleet.deploy(db);
    const moved = { ...db, instances: [{ id: 'i-2', host: 'host-2' }] };
    await fleet.deploy(moved);
    const services = [moved];
    const facts = await fleet.connected([web, moved], (connected) => connected.facts());
    const configured = {
      services: { db: ['host-2'] },
      instances: { 'host-1': 'i-1', 'host-2': 'i-2' },
      unread: [],
    };
    const outcome = { ...(await fleet.deploy(moved)), committed: true };
    const released = { ...runOf('run-9', 'ended', fleet.clock.now().toISOString()), outcome };
    const said = text(await sight({ services, facts: { ...facts, configured }, runs: [released] }));
    expect(said).toContain('1 of 1 instance needs attention');
    expect(said).toContain('problem  db on host-2: it is a singleton, but also runs on host-1\n');
    expect(said.replace(/\n {9}/g, ' ')).toContain(
      'cleanup  db runs on host-1, but is configured only on host-2; remove it: oneclick prune\n',
    );
    expect(said.replace(/\n {9}/g, ' ')).toContain(
      'host-3 is no longer configured, but run run-9 deployed web there; remove what is left: oneclick prune --host ADDRESS\n',
    );
  });

  it('suggests undoing a run if only some of its services were released since', async () => {
    const started = new Date(fleet.clock.now().getTime() - 60_000).toISOString();
    await fleet.deploy(web);
    const open = runOf('run-0', 'unfinished', started);
    const both = { ...open, services: [web, { ...web, name: 'api' }] };
    expect(text(await sight({ runs: [both] })).replace(/\s+/g, ' ')).toContain(
      'was interrupted: oneclick resume run-0 --revert',
    );
  });

  it('does not suggest resuming a run that a later release has replaced', async () => {
    await fleet.clock.advance(1000);
    await fleet.deploy(web);
    const old = new Date(fleet.clock.now().getTime() - 3_600_000).toISOString();
    expect(text(await sight({ runs: [runOf('gone', 'unfinished', old)] }))).not.toContain('resume');
  });
});

describe('the status after a run that died', () => {
  it('does not announce the removal of the only container that serves', async () => {
    await fleet.deploy(web);
    await fleet.run('deploy', [at(web, 'v2')], {}, 20);
    expect(fleet.running()).toContain('host-1 web 2 unless-stopped');
    const shown = text(await sight());
    expect(shown).toMatch(
      /shop-production-web-2 on host-1: serves, but run run-2 died before it\s+became current/,
    );
    expect(shown).toContain('oneclick resume run-2');
    expect(shown).not.toMatch(/web-2 on host-1: left over/);
  });
});

describe('the status of a crashing container', () => {
  const name = 'shop-production-web-1';

  it('needs attention for ten minutes after its last restart, with count and exit code', async () => {
    await fleet.deploy(web);
    expect(needsAttention(statusDocument(await sight()))).toBe(false);
    const { engine } = fleet.host('host-2');
    for (const _ of [1, 2]) {
      engine.crash(name, 3);
      engine.startAgain(name);
    }
    const document = statusDocument(await sight());
    expect(needsAttention(document)).toBe(true);
    expect(text(await sight())).toMatch(/^production: 1 of 3 instances needs attention\n/);
    expect(text(await sight())).toContain(
      'problem  web on host-2: container keeps crashing: 2 restarts, exited with code 3\n',
    );
    await fleet.clock.advance(10 * 60_000);
    const later = await sight();
    expect(needsAttention(statusDocument(later))).toBe(false);
    expect(text(later)).toContain('running, 2 restarts');
  });
});

describe('status --watch', () => {
  it('takes seconds, or a service in place of them', () => {
    expect(watchFlag(['web'], {})).toEqual({ services: ['web'] });
    expect(watchFlag(['web'], { watch: 5 })).toEqual({ services: ['web'], every: 5 });
    expect(watchFlag(['db'], { watch: 'web' })).toEqual({ services: ['web', 'db'], every: 2 });
  });
});
