import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RunReport } from '../../../src/app/run-report.js';
import { Failure } from '../../../src/domain/failure.js';
import { at, Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080);
let fleet: Fleet;

beforeEach(async () => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2']) fleet.push('web', tag);
  fleet.push('web', 'bad', { answers: 500 });
  await fleet.deploy(web);
});

async function report(recipe: string, tag = 'v1'): Promise<RunReport> {
  const result = await fleet.recipe(recipe, [at(web, tag)]);
  if (result.kind !== 'ran') throw new Error(`it was ${result.kind}`);
  return result.report;
}

describe('the report of a successful run', () => {
  it('includes the time until the new release was live, before old ones were pruned', async () => {
    const slow = fleet.host('host-1').engine;
    slow.faults.before('stop', () => fleet.clock.sleep(5_000));
    const { live = 0, duration } = await report('deploy', 'v2');
    expect(live).toBeGreaterThanOrEqual(5_000);
    expect(live).toBeLessThanOrEqual(duration);
  });

  it('includes the longest gap of all hosts', async () => {
    fleet.host('host-2').engine.faults.before('start', () => fleet.clock.sleep(7_000));
    const { services } = await report('deploy', 'v2');
    expect(services).toMatchObject([{ service: 'web', release: 2, hosts: 3 }]);
    expect(services[0]?.gap).toBeGreaterThanOrEqual(7_000);
    expect(services[0]?.gap).toBeLessThan(14_000);
  });

  it('includes no release and no live time if nothing was released', async () => {
    const done = await report('stop');
    expect(done).toMatchObject({ outcome: { result: 'done' }, services: [], running: [] });
    expect(done).not.toHaveProperty('live');
  });
});

describe('the report of a failed run', () => {
  it('lists the services on every host', async () => {
    const { outcome, services, running } = await report('deploy', 'bad');
    expect([outcome.result, services]).toEqual(['reverted', []]);
    expect(running).toEqual(
      ['host-1', 'host-2', 'host-3'].map((host) => ({
        ...{ host, service: 'web', state: 'running' },
        release: 'release 1 (registry.test/web:v1)',
      })),
    );
  });

  it('includes hosts without a container, and unreachable hosts', async () => {
    fleet.host('host-1').engine.faults.before('start', () => {
      fleet.host('host-2').engine.crash('shop-production-web-1', 0);
      void fleet.host('host-3').lose();
    });
    await fleet.host('host-2').engine.setRestart('shop-production-web-1', 'no');
    const { running } = await report('deploy', 'bad');
    expect(running.slice(1)).toEqual([
      { host: 'host-2', service: 'web', state: 'not running' },
      { host: 'host-3', service: 'web', state: 'unknown' },
    ]);
  });
});

describe('the downtimes of a run', () => {
  const sleepsBefore = (host: string, call: 'start' | 'stop', ms: number, times = 1) =>
    fleet.host(host).engine.faults.before(call, () => fleet.clock.sleep(ms), times);

  it('are those of each host that changed', async () => {
    sleepsBefore('host-2', 'start', 7_000);
    const { down } = await report('deploy', 'v2');
    expect(down.map(({ host }) => host)).toEqual(['host-1', 'host-2', 'host-3']);
    expect(down[1]?.ms).toBeGreaterThanOrEqual(7_000);
    expect(down[0]?.ms).toBeLessThan(7_000);
  });

  it('of a failed run that was undone last until the old container is healthy again', async () => {
    sleepsBefore('host-1', 'start', 3_000, 2);
    const { outcome, down } = await report('deploy', 'bad');
    expect(outcome.result).toBe('reverted');
    expect(down).toEqual([{ service: 'web', host: 'host-1', ms: expect.any(Number) }]);
    expect(down[0]?.ms).toBeGreaterThanOrEqual(6_000 + web.health.deadline);
    expect(down[0]?.ms).toBeLessThan(9_000);
  });

  it('add up: while the new one starts, and while the old one returns', async () => {
    fleet.push('web', 'v2', { exits: { code: 1, after: 20_000 } });
    sleepsBefore('host-1', 'start', 3_000, 2);
    sleepsBefore('host-3', 'start', 30_000);
    const { outcome, down } = await report('deploy', 'v2');
    expect(outcome.result).toBe('reverted');
    const first = down.find(({ host }) => host === 'host-1')?.ms ?? 0;
    expect(first).toBeGreaterThanOrEqual(6_000);
    expect(first).toBeLessThan(12_000);
  });

  it('last if a failed run is not undone', async () => {
    const began = fleet.clock.now().getTime();
    const result = await fleet.recipe('deploy', [at(web, 'bad')], { onFailure: 'stop' });
    if (result.kind !== 'ran') throw new Error(`it was ${result.kind}`);
    const [first, ...others] = result.report.down;
    expect(first).toMatchObject({ service: 'web', host: 'host-1', ms: 0 });
    expect(Date.parse(first?.since ?? '')).toBeGreaterThanOrEqual(began);
    expect(others).toEqual([]);
  });

  it('are those of a restart', async () => {
    sleepsBefore('host-1', 'start', 4_000);
    const { down } = await report('restart');
    expect(down).toHaveLength(3);
    expect(down[0]?.ms).toBeGreaterThanOrEqual(4_000);
  });

  it('include the undo of a run that was killed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'downtime-'));
    fleet = new Fleet(1, { folder });
    for (const tag of ['v1', 'v2']) fleet.push('web', tag);
    const one = serviceOn('web', 8080, { count: 1 });
    await fleet.deploy(one);
    const stopped = await fleet.events.findIndex(
      (event) => event.type === 'step.started' && event.step.startsWith('container.start'),
    );
    await fleet.run('deploy', [at(one, 'v2')], {}, stopped + 2);
    await fleet.clock.advance(60_000);
    const result = await fleet.resume(true);
    if (result.kind !== 'ran') throw new Error(`it was ${result.kind}`);
    expect(result.report.outcome.exitCode).toBe(0);
    expect(result.report.down[0]?.ms).toBeGreaterThanOrEqual(60_000);
    await rm(folder, { recursive: true });
  });

  it('include the move of a singleton, from its stop on the old host', async () => {
    const worker = serviceOn('worker', undefined, { count: 1, singleton: true });
    fleet.push('worker', 'v1');
    await fleet.deploy(worker);
    const moved = { ...worker, instances: [{ id: 'i-2', host: 'host-2' }] };
    const move = async (tag: string) => {
      const result = await fleet.recipe('deploy', [at(moved, tag)], { untouchedHosts: ['host-1'] });
      if (result.kind !== 'ran') throw new Error(`it was ${result.kind}`);
      return result.report;
    };
    const wasDown = [{ service: 'worker', host: 'host-1', ms: expect.any(Number) }];
    fleet.push('worker', 'bad', { exits: { code: 1, after: 100 } });
    sleepsBefore('host-1', 'start', 6_000);
    const failed = await move('bad');
    expect([failed.outcome.result, failed.down]).toEqual(['reverted', wasDown]);
    expect(failed.down[0]?.ms).toBeGreaterThanOrEqual(6_000);
    sleepsBefore('host-2', 'start', 5_000);
    const done = await move('v1');
    expect([done.outcome.result, done.down]).toEqual(['done', wasDown]);
    expect(done.down[0]?.ms).toBeGreaterThanOrEqual(5_000);
  });

  it('are none beside the old container, or if nothing was stopped', async () => {
    fleet.host('host-1').engine.faults.fail('create', new Failure('failed', 'x', 'no'), 1);
    const { outcome, down } = await report('deploy', 'v2');
    expect([outcome.result, down]).toEqual(['reverted', []]);
  });
});
