import { beforeEach, describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { at, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080, { count: 1 });
const migrates = {
  ...web,
  releaseCommand: { command: ['migrate'], onLaterFailure: 'revert' as const, timeout: 60_000 },
};
let fleet: Fleet;

beforeEach(async () => {
  fleet = new Fleet(1);
  for (const tag of ['v1', 'v2']) fleet.push('web', tag);
  fleet.push('web', 'bad', { exits: { code: 3 }, logs: ['cannot reach the database'] });
  await fleet.deploy(web);
});

const logsOf = () => fleet.events.flatMap((event) => (event.type === 'step.failed' ? [event.log] : []));

describe('the container of a failed deploy', () => {
  it('stays without restart policy, apart from releases, until the next success', async () => {
    await fleet.deploy(at(web, 'bad'));
    await fleet.deploy(at(web, 'bad'));
    expect(fleet.failed()).toEqual([
      'host-1 shop-production-web-2-failed-run-2 exited no',
      'host-1 shop-production-web-2-failed-run-3 exited no',
    ]);
    expect(await fleet.deploy(at(web, 'v2'))).toMatchObject({ result: 'done' });
    expect(fleet.failed()).toEqual([]);
    expect(fleet.running()).toEqual(['host-1 web 2 unless-stopped']);
  });

  it('is stopped if it was running', async () => {
    fleet.push('web', 'silent', { answers: 500 });
    await fleet.deploy(at(web, 'silent'));
    expect(fleet.failed()).toEqual(['host-1 shop-production-web-2-failed-run-2 exited no']);
    expect(fleet.running()).toEqual(['host-1 web 1 unless-stopped']);
  });

  it('is removed if it cannot be renamed or was never started', async () => {
    const { faults } = fleet.host('host-1').engine;
    faults.fail('rename', new Error('refused'));
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ result: 'reverted', left: [] });
    faults.fail('start', new Error('refused'));
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ result: 'reverted' });
    expect(fleet.failed()).toEqual([]);
    expect(fleet.state()).toEqual(['host-1 shop-production-web-1 running unless-stopped']);
  });

  it('replaces the oldest after five failures', async () => {
    for (let attempt = 0; attempt < 7; attempt += 1) await fleet.deploy(at(web, 'bad'));
    expect(fleet.failed()).toHaveLength(5);
    expect(fleet.failed().at(-1)).toContain('failed-run-8');
  });

  it('leaves its last lines with the run', async () => {
    const lines = Array.from({ length: 300 }, (_, index) => `line ${index}`);
    fleet.push('web', 'bad', { exits: { code: 3 }, logs: lines });
    await fleet.deploy(at(web, 'bad'));
    const [log] = logsOf();
    expect(log).toMatchObject({ host: 'host-1', container: 'shop-production-web-2' });
    expect(log?.output.split('\n')).toEqual(lines.slice(100));
  });

  it('leaves at most 64 KiB with the run, in whole lines', async () => {
    const long = Array.from({ length: 100 }, (_, index) => `${index}${'x'.repeat(1500)}`);
    fleet.push('web', 'bad', { exits: { code: 3 }, logs: [...long, 'y'.repeat(100_000), 'end'] });
    await fleet.deploy(at(web, 'bad'));
    const lines = logsOf()[0]?.output.split('\n') ?? [];
    expect(lines.slice(-2)).toEqual(['(a line of 100000 bytes is left out)', 'end']);
    expect(lines.slice(0, -2).every((line) => long.includes(line))).toBe(true);
    expect(lines.join('\n').length).toBeLessThanOrEqual(64 * 1024);
    expect(lines.length).toBeGreaterThan(40);
  });
});

describe('a log that Docker cannot read', () => {
  it('is named on the failure, with what to do', async () => {
    const unreadable = new Failure('failed', 'logs.driver', 'web-2 keeps no log', { hint: 'set LogConfig' });
    const { faults } = fleet.host('host-1').engine;
    for (const service of [at(web, 'bad'), at(migrates, 'bad')]) {
      faults.fail('logs', unreadable);
      const { failures } = await fleet.deploy(service);
      expect(failures[0]).toMatchObject({ hint: 'set LogConfig' });
      expect(failures[0]?.evidence).toContain('log: web-2 keeps no log');
    }
  });
});

describe('the container of a failed release command', () => {
  const commands = () =>
    fleet
      .host('host-1')
      .engine.all()
      .filter(({ labels }) => labels['oneclick.role'] === 'command')
      .map(({ name, state }) => `${name} ${state}`);

  it('stays until the next success; its lines stay with the run, and the hint shows them', async () => {
    const { failures } = await fleet.deploy(at(migrates, 'bad'));
    expect(failures[0]?.hint).toBe('oneclick logs --run run-2');
    expect(commands()).toEqual(['shop-production-web-2-command-run-2 exited']);
    expect(logsOf()[0]?.output).toBe('cannot reach the database');
    await fleet.deploy(at(web, 'v2'));
    expect(commands()).toEqual([]);
  });
});
