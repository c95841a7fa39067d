import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RunReport } from '../../../src/app/run-report.js';
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
