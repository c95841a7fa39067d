import { beforeEach, describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { at, everywhere, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080);
const api = serviceOn('api', 9090);
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
  for (const name of ['web', 'api']) for (const tag of ['v1', 'v2', 'v3']) fleet.push(name, tag);
});

describe('a deploy of two services to three hosts', () => {
  it('leaves one container of each on every host, with the configured restart policy', async () => {
    expect(await fleet.deploy(web, api)).toMatchObject({ result: 'done', exitCode: 0 });
    expect(fleet.running()).toEqual(everywhere('web 1 unless-stopped', 'api 1 unless-stopped'));
  });

  it('records every service on every host, as the dry run shows', async () => {
    const { changes } = await fleet.dryRun('deploy', [web, api]);
    expect(changes.filter((line) => line.includes(': record '))).toHaveLength(6);
    await fleet.deploy(web, api);
    const facts = await fleet.facts([web, api]);
    for (const { log } of Object.values(facts.hosts))
      expect([log.web?.map(({ order }) => order), log.api?.map(({ order }) => order)]).toEqual([[1], [1]]);
  });

  it('changes nothing the second time', async () => {
    await fleet.deploy(web, api);
    const before = fleet.state();
    expect(await fleet.deploy(web, api)).toMatchObject({ result: 'unchanged', exitCode: 0 });
    expect(fleet.state()).toEqual(before);
  });

  it('keeps the old containers, which a reboot does not start', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    expect(fleet.state()).toEqual(
      everywhere('shop-production-web-1 exited no', 'shop-production-web-2 running unless-stopped'),
    );
    for (const { engine } of fleet.hosts) engine.restart();
    expect(fleet.running()).toEqual(everywhere('web 2 unless-stopped'));
  });

  it('is undone on every host if its second batch fails', async () => {
    await fleet.deploy(web, api);
    const before = fleet.state();
    let probes = 0;
    fleet.push('web', 'bad', {
      answers: () => (++probes > 1 ? 500 : 200),
      logs: ['cannot reach the database'],
    });
    const outcome = await fleet.deploy(at(web, 'bad'), at(api, 'v2'));
    expect(outcome).toMatchObject({ result: 'reverted', exitCode: 6, left: [] });
    expect(outcome.failures[0]?.evidence).toEqual(['HTTP 500', 'log: cannot reach the database']);
    expect(fleet.state()).toEqual(before);
  });

  it('names the release that each host stops, after a deploy to some of them', async () => {
    await fleet.deploy(web);
    const [, second] = web.instances;
    if (second === undefined) throw new Error('a fleet without a second host');
    await fleet.deploy({ ...at(web, 'v2'), instances: [second] });
    const { steps } = await fleet.preview('deploy', [at(web, 'v3')]);
    const stops = steps.filter(({ step }) => step.task === 'container.stop').map(({ title }) => title);
    expect(stops).toEqual(['stop web release 1', 'stop web release 2', 'stop web release 1']);
  });

  it('names the candidate of a dead run that it stops', async () => {
    await fleet.deploy(web);
    await fleet.run('deploy', [at(web, 'v2')], {}, 20);
    await fleet.deploy(at(web, 'v3'));
    const titles = fleet.events.flatMap((event) =>
      event.type === 'step.started' && event.step.startsWith('container.stop') ? [event.title] : [],
    );
    expect(titles).toEqual(['stop web release 2', 'stop web release 1', 'stop web release 1']);
  });

  it('restores the restart policy even if the old container is unhealthy too', async () => {
    let isDown = false;
    for (const tag of ['good', 'next']) fleet.push('web', tag, { answers: () => (isDown ? 500 : 200) });
    await fleet.deploy(at(web, 'good'));
    isDown = true;
    const outcome = await fleet.deploy(at(web, 'next'));
    expect(outcome).toMatchObject({ result: 'incomplete', exitCode: 7 });
    expect(outcome.left.map(({ message }) => message)).toContainEqual(expect.stringContaining('not healthy'));
    expect(fleet.runningTags()).toEqual(everywhere('web good unless-stopped'));
  });

  it('leaves only the failed container if the first deploy fails', async () => {
    fleet.push('web', 'bad', { exits: { code: 3 } });
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ result: 'reverted', exitCode: 6 });
    expect(fleet.state()).toEqual([]);
    expect(fleet.failed()).toEqual(['host-1 shop-production-web-1-failed-run-1 exited no']);
  });

  it('is undone once a restarting engine responds again', async () => {
    const fleet = new Fleet();
    fleet.push('web', 'v1');
    fleet.push('web', 'bad', { answers: 500 });
    await fleet.deploy(web);
    const { faults } = fleet.host('host-1').engine;
    const down = new Failure('unreachable', 'engine.down', 'the engine does not answer', { transient: true });
    faults.before('setRestart', () => {});
    faults.fail('setRestart', down, 3);
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ result: 'reverted', exitCode: 6 });
    expect(fleet.runningTags()).toEqual(everywhere('web v1 unless-stopped'));
  });

  it('is undone although a stopping engine kills the old release again', async () => {
    const fleet = new Fleet();
    const { engine } = fleet.host('host-1');
    let probes = 0;
    const answers = () => {
      probes += 1;
      // Two for each of three hosts, then one in the undo.
      if (probes === 7) engine.crash('shop-production-web-1', 137);
      return probes === 7 ? 500 : 200;
    };
    fleet.push('web', 'v1', { answers });
    fleet.push('web', 'bad', { answers: 500 });
    await fleet.deploy(web);
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ result: 'reverted', exitCode: 6 });
    expect(fleet.runningTags()).toEqual(everywhere('web v1 unless-stopped'));
  });

  it('can be rolled back, and deployed and rolled back again', async () => {
    await fleet.deploy(web, api);
    await fleet.deploy(at(web, 'v2'), at(api, 'v2'));
    expect(await fleet.rollback(web, api)).toMatchObject({ result: 'done', exitCode: 0 });
    expect(fleet.running()).toEqual(everywhere('web 1 unless-stopped', 'api 1 unless-stopped'));
    await fleet.deploy(at(web, 'v3'), at(api, 'v3'));
    await fleet.rollback(web, api);
    expect(fleet.running()).toEqual(everywhere('web 1 unless-stopped', 'api 1 unless-stopped'));
  });
});
