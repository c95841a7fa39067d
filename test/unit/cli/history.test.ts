import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ReadableRun } from '../../../src/app/runs.js';
import { type StatusInput, statusDocument } from '../../../src/app/status.js';
import { releasesDocument } from '../../../src/cli/commands/releases.js';
import { Failure } from '../../../src/domain/failure.js';
import { historyOf, type KnownRun } from '../../../src/domain/history.js';
import { releaseLog } from '../../../src/domain/log.js';
import { historyText } from '../../../src/report/history.js';
import { releasesText } from '../../../src/report/releases.js';
import { statusText } from '../../../src/report/status.js';
import { plainStyle } from '../../../src/report/style.js';
import { run } from '../../fakes/recipes.js';
import { at, Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080);
const api = serviceOn('api', 9090);
const page = { columns: 80, style: plainStyle };
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
  for (const name of ['web', 'api']) for (const tag of ['v1', 'v2', 'v3']) fleet.push(name, tag);
});

async function sight(parts: Partial<StatusInput> = {}): Promise<StatusInput> {
  const services = [web];
  return { run, services, facts: await fleet.facts(services), problems: [], holders: [], runs: [], ...parts };
}
const text = (seen: StatusInput) => statusText(statusDocument(seen), page, fleet.clock.now());

describe('the status', () => {
  it('says that nothing is deployed, and that all is as it should be', async () => {
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

  it('says of each instance why it is not as it should be', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    const [one, two, three] = fleet.hosts;
    one?.engine.crash('shop-production-web-2', 137);
    await two?.engine.stop('shop-production-web-2', 0);
    await two?.engine.start('shop-production-web-1');
    await three?.engine.setRestart('shop-production-web-2', 'no');
    three?.engine.crash('shop-production-web-2', 3);
    const said = text(await sight());
    expect(said).toMatch(/^production: 3 of 3 instances are not as it should be\n/);
    expect(said).toContain('restarting, 1 restart');
    expect(said).toContain('wrong    web on host-1: it ends again and again, with exit code 137\n');
    expect(said).toContain('wrong    web on host-2: release 1 runs, 2 is current\n');
    expect(said).toContain('wrong    web on host-3: it has ended with exit code 3\n');
    expect(said.split('\n').filter((line) => line.length > 80)).toEqual([]);
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

  it('tells of a host that was not reached what its problem is', async () => {
    await fleet.deploy(web);
    const { facts } = await sight();
    const { 'host-2': _, ...hosts } = facts.hosts;
    const problems = [new Failure('unreachable', 'host.refused', 'nobody is at home', { host: 'host-2' })];
    const said = text(await sight({ facts: { ...facts, hosts }, problems }));
    expect(said).toMatch(/^production: 1 of 3 instances is not as it should be\n/);
    expect(said).toContain('wrong    web on host-2: nobody is at home\n');
  });

  it('tells of leases, unfinished runs, full disks, leftovers and other engines where there are any', async () => {
    await fleet.deploy(web);
    await fleet.run('deploy', [at(web, 'v2')], {}, 20);
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
    expect(said).toContain('held     by eve, deploy r9 since just now, on host-1, at image.pull/web\n');
    expect(said).toContain('open     deploy run-2 of ada, just now, is unfinished: oneclick resume run-2\n');
    expect(said).toContain('disk     host-1: 1.0 GB free of 40.0 GB\n');
    expect(said).toMatch(/left {5}shop-production-web-2 on host-\d, of run run-2, which died/);
    expect(said).toMatch(/differs {2}Docker 20\.10 .* on host-1; Docker .* on 2\s+hosts \(host-2, host-3\)/);
    expect(said).not.toContain('resume r9');
    expect(said).not.toContain('resume over');
  });

  it('does not offer to resume what a later release has made pointless', async () => {
    await fleet.clock.advance(1000);
    await fleet.deploy(web);
    const old = new Date(fleet.clock.now().getTime() - 3_600_000).toISOString();
    expect(text(await sight({ runs: [runOf('gone', 'unfinished', old)] }))).not.toContain('resume');
  });
});

const runOf = (id: string, state: 'unfinished' | 'ended', started: string): ReadableRun => ({
  ...{ id, state, services: [web] },
  run: { ...run, id, recipe: 'deploy', started },
});

describe('the history', () => {
  const known = (id: string, parts: Partial<KnownRun> = {}): KnownRun => ({
    ...{ id, recipe: 'deploy', who: 'ada', services: [{ name: 'web' }], outcome: 'done', ms: 4200 },
    ...{ started: fleet.clock.now().toISOString(), ...parts },
  });

  async function activations() {
    const facts = await fleet.facts([web]);
    return releaseLog(facts, 'web').map((line) => ({ service: 'web', line }));
  }

  it('is in the order of the log, with what this machine knows, newest first', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    await fleet.rollback(web);
    const told = historyOf({ activations: await activations(), audits: [], runs: [known('run-2')] });
    expect(told.map(({ what, release, outcome, ms }) => [what, release, outcome, ms])).toEqual([
      ['rollback', 1, null, null],
      ['deploy', 2, 'done', 4200],
      ['deploy', 1, null, null],
    ]);
  });

  it('has runs without a release and leases that were taken between them, one line of 80 columns each', async () => {
    await fleet.deploy(web);
    await fleet.clock.advance(60_000);
    const failed = known('run-9', {
      services: [{ name: 'web', reference: 'ghcr.io/acme/a-long-name:broken' }],
      outcome: 'reverted',
    });
    const taken = { what: 'lease.take' as const, who: 'eve', at: failed.started, run: 'run-9', whose: 'ada' };
    await fleet.clock.advance(60_000);
    await fleet.deploy(at(web, 'v2'));
    const history = historyOf({ activations: await activations(), audits: [taken], runs: [failed] });
    expect(history.map(({ what, run: id }) => [what, id])).toEqual([
      ['deploy', 'run-2'],
      ['lease.take', 'run-9'],
      ['deploy', 'run-9'],
      ['deploy', 'run-1'],
    ]);
    const said = historyText({ environment: 'production', history, older: 3 }, page, fleet.clock.now());
    const lines = said.trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.at(-1)).toBe('and 3 older: oneclick history -n 7');
    expect(said).toMatch(/reverted 4\.2s/);
  });
});

describe('the releases', () => {
  const listed = async (...services: readonly (typeof web)[]) =>
    releasesDocument(await fleet.facts(services), { run, services });

  it('say which is current, who keeps them, and what a rollback does then', async () => {
    for (const tag of ['v1', 'v2', 'v3']) await fleet.deploy(at(web, tag));
    await fleet.host('host-2').engine.remove('shop-production-web-1');
    const document = await listed(web);
    expect(document.services[0]).toMatchObject({ current: 3, rollback: { release: 2 } });
    expect(document.services[0]?.releases.map(({ release, kept }) => [release, kept.length])).toEqual([
      [3, 3],
      [2, 3],
      [1, 2],
    ]);
    const said = releasesText(document, page, fleet.clock.now());
    expect(said).toMatch(/^web: release 3 is current; rollback goes to release 2\n/);
    expect(said).toMatch(/host-1, host-3\n$/);
    await fleet.rollback(web);
    expect(fleet.serves()).toEqual(expect.arrayContaining(['host-1 web v2 unless-stopped']));
    expect((await listed(web)).services[0]).toMatchObject({ current: 2, rollback: { release: 1 } });
  });

  it('say of a service that a rollback leaves it, or refuses, and why', async () => {
    expect((await listed(web)).services[0]?.rollback.because).toContain('web has no release yet');
    await fleet.deploy(web, api);
    expect((await listed(web, api)).services[0]?.rollback).toMatchObject({ release: null });
    await fleet.deploy(at(web, 'v2'));
    const [first, second] = (await listed(web, api)).services;
    expect(first?.rollback.release).toBe(1);
    expect(second?.rollback.because).toBe('rollback leaves it, for it was not part of the last run');
  });
});
