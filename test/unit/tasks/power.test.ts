import { beforeEach, describe, expect, it } from '@jest/globals';
import { at, everywhere, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080);
let fleet: Fleet;

beforeEach(async () => {
  fleet = new Fleet();
  fleet.push('web', 'v1');
  fleet.push('web', 'v2');
  await fleet.deploy(web);
});

const started = () => fleet.hosts.map(({ engine }) => engine.listener(8080)?.facts.started);

describe('a restart', () => {
  it('restarts containers one host at a time and waits until they are healthy', async () => {
    const before = started();
    await fleet.clock.advance(60_000);
    const order: string[] = [];
    for (const { name, engine } of fleet.hosts)
      for (const call of ['stop', 'start'] as const)
        engine.faults.before(call, () => void order.push(`${call} ${name}`));
    expect((await fleet.run('restart', [web])).result).toBe('done');
    expect(order).toEqual(
      ['host-1', 'host-2', 'host-3'].flatMap((name) => [`stop ${name}`, `start ${name}`]),
    );
    for (const [index, time] of started().entries()) expect(time).not.toBe(before[index]);
    expect(fleet.runningTags()).toEqual(everywhere('web v1 unless-stopped'));
  });

  it('stops at the first host that does not become healthy', async () => {
    await fleet.host('host-1').engine.removeImage('nothing');
    fleet.host('host-1').engine.occupied.add(8080);
    const { result, failures } = await fleet.run('restart', [web]);
    expect([result, failures.map(({ host }) => host)]).toEqual(['stopped', ['host-1']]);
    expect(fleet.runningTags()).toHaveLength(2);
  });

  it('changes nothing if nothing runs', async () => {
    await fleet.run('stop', [web]);
    expect((await fleet.run('restart', [web])).result).toBe('unchanged');
  });
});

describe('a stop', () => {
  it('survives a reboot, until start starts the same release', async () => {
    await fleet.deploy(at(web, 'v2'));
    expect((await fleet.run('stop', [web])).result).toBe('done');
    for (const { engine } of fleet.hosts) engine.restart();
    expect(fleet.runningTags()).toEqual([]);
    expect((await fleet.run('start', [web])).result).toBe('done');
    expect(fleet.runningTags()).toEqual(everywhere('web v2 unless-stopped'));
    expect((await fleet.run('start', [web])).result).toBe('unchanged');
  });

  it('lists the containers that it would stop', async () => {
    const { changes } = await fleet.dryRun('stop', [web]);
    expect(changes).toHaveLength(3);
  });
});

describe('a start', () => {
  it('fails if the container crashes while its restart policy is set', async () => {
    await fleet.run('stop', [web]);
    const { engine } = fleet.host('host-1');
    engine.faults.before('setRestart', () => engine.crash('shop-production-web-1', 9));
    const { exitCode, failures } = await fleet.run('start', [web]);
    expect({ exitCode, failures }).toMatchObject({
      exitCode: 7,
      failures: [
        { host: 'host-1', message: 'the container became healthy, then crashed once (exit code 9)' },
      ],
    });
  });

  it('is refused if the container is gone', async () => {
    await fleet.run('stop', [web]);
    fleet.host('host-2').engine.prune();
    expect((await fleet.dryRun('start', [web])).problems).toContain('container.none');
  });
});
