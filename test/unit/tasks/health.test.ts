import { beforeEach, describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import type { Behaviour } from '../../fakes/engine.js';
import { at, Fleet, serviceOn } from './fleet.js';

const http = serviceOn('web', 8080, { count: 1 });
const { path: _, ...pathless } = http.health;
const port = { ...http, health: pathless };
const worker = serviceOn('web', undefined, { count: 1, health: pathless });
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet(1);
});

async function outcomeOf(service: typeof http, behaviour: Behaviour) {
  fleet.push('web', 'x', behaviour);
  const { exitCode, failures } = await fleet.deploy(at(service, 'x'));
  return { exitCode, message: failures[0]?.message, evidence: failures[0]?.evidence };
}

describe('a new container is healthy', () => {
  it('if it returns 2xx', async () => {
    for (const answers of [200, 204])
      expect(await outcomeOf(http, { answers })).toMatchObject({ exitCode: 0 });
  });

  it('if its port accepts connections and no path is set', async () => {
    expect(await outcomeOf(port, { answers: 500 })).toMatchObject({ exitCode: 0 });
    expect(await outcomeOf(port, { answers: 'refused' })).toMatchObject({ exitCode: 6 });
  });

  it('if its HEALTHCHECK passes', async () => {
    expect(await outcomeOf(port, { health: 'healthy', answers: 'refused' })).toMatchObject({ exitCode: 0 });
    expect(await outcomeOf(port, { health: 'unhealthy' })).toMatchObject({
      exitCode: 6,
      evidence: ['HEALTHCHECK reports unhealthy'],
    });
  });

  it('if a restarting engine reports so later', async () => {
    const down = new Failure('unreachable', 'engine.down', 'the engine does not answer', { transient: true });
    fleet.host('host-1').faults.fail('probe', down, 2);
    expect(await outcomeOf(http, {})).toMatchObject({ exitCode: 0 });
  });

  it('if it has stayed up for a while and has neither port nor HEALTHCHECK', async () => {
    expect(await outcomeOf(worker, {})).toMatchObject({ exitCode: 0 });
    expect(await outcomeOf(worker, { exits: { code: 1, after: 150 } })).toMatchObject({ exitCode: 6 });
  });
});

describe('a new container that is not healthy', () => {
  it('is reported with its last status at the deadline', async () => {
    expect(await outcomeOf(http, { answers: 503, body: 'warming up\nmore' })).toEqual({
      exitCode: 6,
      message: 'not healthy within 1 s: HTTP 503 warming up',
      evidence: ['HTTP 503 warming up'],
    });
  });

  it('is reported as soon as it exits, with exit code and last log lines', async () => {
    const logs = ['one', 'two', 'three', 'four', 'five', 'six'];
    expect(await outcomeOf(http, { exits: { code: 3 }, logs })).toEqual({
      exitCode: 6,
      message: 'the container exited with code 3',
      evidence: ['exit code 3', 'log: two', 'log: three', 'log: four', 'log: five', 'log: six'],
    });
  });

  it('stays unhealthy if another process answers on its port', async () => {
    fleet.host('host-1').answerFrom = async () => 200;
    expect(await outcomeOf(http, { exits: { code: 3 } })).toMatchObject({
      exitCode: 6,
      message: 'the container exited with code 3',
    });
  });

  it('is reported with a hint to set the path if it returns 404', async () => {
    fleet.push('web', 'x', { answers: 404 });
    const { failures } = await fleet.deploy(at(http, 'x'));
    expect(failures[0]).toMatchObject({ hint: expect.stringContaining('health: { path: / }') });
  });

  it('is reported with a hint to raise its memory limit if it ran out of memory', async () => {
    fleet.push('web', 'x', { exits: { code: 137, outOfMemory: true } });
    const { failures } = await fleet.deploy(at(http, 'x'));
    expect(failures[0]).toMatchObject({
      message: 'the container exited with code 137 (out of memory)',
      hint: expect.stringContaining('memory: 512m'),
    });
  });

  it('is probed with growing timeouts, up to that of the service', async () => {
    const patient = { ...http, health: { ...http.health, timeout: 700, deadline: 3000 } };
    await outcomeOf(patient, { answers: 'never' });
    const { calls } = fleet.host('host-1').faults;
    const probes = calls.flatMap(({ call, args }) => (call === 'probe' ? [args[0]] : []));
    expect(probes.slice(0, 4)).toMatchObject([100, 200, 400, 700].map((timeout) => ({ timeout })));
  });
});

describe('a release command', () => {
  const command = { command: ['migrate'], onLaterFailure: 'revert' as const, timeout: 500 };
  const migrates = { ...worker, releaseCommand: command };

  it('that fails is reported with exit code and last log lines, before any swap', async () => {
    expect(await outcomeOf(migrates, { exits: { code: 4 }, logs: ['no such table'] })).toEqual({
      exitCode: 1,
      message: 'the release command migrate exited with code 4',
      evidence: ['log: no such table'],
    });
    expect(fleet.running()).toEqual([]);
  });

  it('that takes too long is reported, and keeps running', async () => {
    const { message } = await outcomeOf(migrates, {});
    expect(message).toBe('the release command migrate is still running after 0.5 s');
    expect(fleet.running()).toEqual(['host-1 web 1 no']);
  });
});

describe('a container that crashes once it is healthy', () => {
  const message = 'the container became healthy, then exited with code 9';

  it('fails the deploy if it ends before it gets its restart policy', async () => {
    const { engine } = fleet.host('host-1');
    fleet.push('web', 'v1');
    await fleet.deploy(http);
    fleet.push('web', 'x', { logs: ['out of tokens'] });
    const crash = () => {
      const [name, policy] = engine.faults.calls.at(-1)?.args ?? [];
      if (name === 'shop-production-web-2' && policy !== 'no') engine.crash(name, 9);
    };
    engine.faults.before('setRestart', crash, 2);
    const { exitCode, failures, committed } = await fleet.deploy(at(http, 'x'));
    expect({ exitCode, committed }).toEqual({ exitCode: 6, committed: false });
    expect(failures).toMatchObject([
      { code: 'health.ended', host: 'host-1', message, evidence: ['log: out of tokens'] },
    ]);
    const log = expect.objectContaining({ container: 'shop-production-web-2', output: 'out of tokens' });
    expect(fleet.events).toContainEqual(expect.objectContaining({ type: 'step.failed', log }));
    expect(fleet.running()).toEqual(['host-1 web 1 unless-stopped']);
  });

  it('fails the deploy if its process ends while the engine changes its policy', async () => {
    const { engine } = fleet.host('host-1');
    fleet.push('web', 'v1');
    await fleet.deploy(http);
    fleet.push('web', 'x', {});
    const crash = () => {
      const [name = '', policy] = engine.faults.calls.at(-1)?.args ?? [];
      if (name !== 'shop-production-web-2' || policy === 'no') return;
      void fleet.clock.sleep(150).then(() => engine.crash(String(name), 9));
      throw new Failure('failed', 'engine.refused', 'cannot update a deleted process', { transient: true });
    };
    engine.faults.before('setRestart', crash, 2);
    expect((await fleet.deploy(at(http, 'x'))).failures).toMatchObject([{ code: 'health.ended', message }]);
    expect(fleet.running()).toEqual(['host-1 web 1 unless-stopped']);
  });

  it('fails the deploy if it crashes right after its policy was set', async () => {
    const { engine } = fleet.host('host-1');
    const crash = () => {
      const web = engine.all().find(({ name }) => name === 'shop-production-web-1');
      const hasPolicy = web?.restart === 'unless-stopped' && web.state === 'running';
      if (hasPolicy) engine.crash(web.name, 1);
    };
    engine.faults.before('container', crash, 100);
    expect(await outcomeOf(http, {})).toMatchObject({
      exitCode: 6,
      message: 'the container became healthy, then crashed once (exit code 1)',
    });
    expect(fleet.running()).toEqual([]);
  });

  it('fails the deploy if it no longer answers, although the engine notices its end only later', async () => {
    let probes = 0;
    const answers = () => {
      probes += 1;
      if (probes === 4) fleet.host('host-1').engine.crash('shop-production-web-1', 9);
      return probes === 1 ? 200 : 503;
    };
    expect(await outcomeOf(http, { answers })).toMatchObject({
      exitCode: 6,
      message: 'the container became healthy, then crashed once (exit code 9)',
    });
  });

  it('fails the deploy of all services if one crashes while others are deployed, before any is committed', async () => {
    const other = { ...serviceOn('api', 8081, { count: 1 }), needs: ['web'] };
    fleet.push('api', 'v1');
    fleet.push('web', 'x', { exits: { code: 1, after: 8_000 } });
    const { faults } = fleet.host('host-1').engine;
    const wait = async () => {
      if (JSON.stringify(faults.calls.at(-1)).includes('production-api')) await fleet.clock.sleep(9_000);
    };
    faults.before('create', wait, 10);
    const { exitCode, result, failures } = await fleet.deploy(at(http, 'x'), other);
    expect({ exitCode, result }).toEqual({ exitCode: 6, result: 'reverted' });
    expect(failures).toMatchObject([
      { message: 'the container became healthy, then crashed once (exit code 1)' },
    ]);
    expect(fleet.running()).toEqual([]);
  });

  it('costs a deploy one look more: before the commit', async () => {
    fleet.push('web', 'v1');
    await fleet.deploy(http);
    const steps = fleet.events.flatMap((event) => (event.type === 'step.started' ? [event.step] : []));
    expect(steps.slice(-2)).toEqual(['health.confirm/web/i-1', 'release.commit/web']);
  });
});
