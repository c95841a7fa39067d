import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../../src/domain/clock.js';
import type { Failure } from '../../../../src/domain/failure.js';
import type { RunInfo } from '../../../../src/domain/task.js';
import { endLeases, HostLeases, leaseHolders } from '../../../../src/host/lease/lease.js';
import type { Lease } from '../../../../src/run/ports.js';
import { MovableClock } from '../../../fakes/clock.js';
import { FakeHost, runLocally } from '../../../fakes/host.js';
import { FakeRemoteProcess, spawnHere } from '../../../fakes/remote-process.js';

const run: RunInfo = {
  id: 'run-1',
  recipe: 'deploy',
  project: 'shop',
  environment: 'production',
  who: 'ana@laptop',
  started: '2026-01-01T00:00:00.000Z',
};
const ben = { ...run, id: 'run-2', recipe: 'rollback', who: 'ben@ci' };
const hosts = (...list: FakeHost[]) => new Map(list.map((host) => [host.name, host]));
const busy = `busy\t${JSON.stringify({ who: 'ben@ci', run: 'run-2', recipe: 'rollback', project: 'shop', environment: 'production', since: '2026-01-01T00:00:00.000Z' })}\timage.pull/web/a`;

describe('with real holders, a lease', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lease-'));
  });
  const taken: Lease[] = [];
  afterEach(async () => {
    await Promise.all(taken.splice(0).map((lease) => lease.release()));
    rmSync(folder, { recursive: true });
  });
  const machine = (name: string) =>
    new FakeHost(name, { clock: systemClock, spawns: spawnHere, answers: [runLocally(folder)] });
  const take = async (host: FakeHost, who: RunInfo) => {
    const leases = new HostLeases(hosts(host), { clock: systemClock, random: () => 0, folder });
    const lease = await leases.take(who);
    taken.push(lease);
    return lease;
  };

  it('excludes other runs of the environment, with its run and step, until it is released', async () => {
    const host = machine('web-1');
    const lease = await take(host, run);
    lease.describe('container.start/web/web-1');
    while ((await leaseHolders([host], run, folder))[0]?.step === '');
    const refused = (await take(host, ben).catch((error: unknown) => error)) as Failure;
    expect(refused).toMatchObject({ kind: 'lease', code: 'lease.held', host: 'web-1' });
    expect(refused.message).toMatch(
      /^ana@laptop has been deploying web for \d+ s \(run run-1\), now starting web on web-1$/,
    );
    expect(refused.hint).toContain('oneclick lease take');
    expect(await leaseHolders([host], run, folder)).toMatchObject([
      { host: 'web-1', who: 'ana@laptop', step: 'container.start/web/web-1' },
    ]);
    await lease.release();
    await lease.release();
    expect(lease.lost.aborted).toBe(false);
    expect(await leaseHolders([host], run, folder)).toEqual([]);
    await (await take(host, ben)).release();
  });

  it('is separate for each environment', async () => {
    const host = machine('web-1');
    const one = await take(host, run);
    const other = await take(host, { ...run, environment: 'staging' });
    await Promise.all([one.release(), other.release()]);
  });

  it('is lost when another run takes it', async () => {
    const host = machine('web-1');
    const lease = await take(host, run);
    const lost = new Promise((resolve) =>
      lease.lost.addEventListener('abort', () => resolve(lease.lost.reason)),
    );
    expect(await endLeases([host], run, folder)).toMatchObject([{ who: 'ana@laptop' }]);
    expect(await lost).toMatchObject({ code: 'lease.lost', host: 'web-1' });
    await lease.release();
  });
});

describe('a lease', () => {
  const clock = () => new MovableClock();

  it('is held on all hosts or on none', async () => {
    const free = new FakeRemoteProcess('held');
    free.onWrite = (line) => {
      if (line === 'release') free.exit(0);
    };
    const time = clock();
    const a = new FakeHost('a', { clock: time, spawns: () => free });
    const b = new FakeHost('b', { clock: time, spawns: () => new FakeRemoteProcess(busy) });
    const taking = new HostLeases(hosts(a, b), { clock: time, random: () => 0 }).take(run);
    await expect(taking).rejects.toMatchObject({ code: 'lease.held', host: 'b' });
    expect(free.written).toEqual(['release']);
  });

  it('names a run once for all its hosts, and reports unknown processes', async () => {
    const time = clock();
    const machine = (name: string, answer: string) =>
      new FakeHost(name, { clock: time, spawns: () => new FakeRemoteProcess(answer) });
    const taking = new HostLeases(hosts(machine('a', busy), machine('b', busy), machine('c', 'busy\t\t')), {
      ...{ clock: time, random: () => 0 },
    }).take(run);
    await expect(taking).rejects.toMatchObject({
      message: expect.stringMatching(
        /^ben@ci has been rolling back web for \d+ \w+ \(run run-2\), now pulling the image of web on a; an unknown process holds the lease on shop production on c$/,
      ),
    });
  });

  it('is retried with delays up to a deadline, and reports each attempt', async () => {
    const time = clock();
    const told: string[] = [];
    const answers = [busy, busy, 'held'];
    const host = new FakeHost('a', {
      clock: time,
      spawns: () => new FakeRemoteProcess(answers.shift() ?? busy),
    });
    const wait = { deadline: 10_000, onBusy: (failure: Failure) => told.push(failure.code) };
    const leases = new HostLeases(hosts(host), { clock: time, random: () => 0.5, wait });
    const taking = leases.take(run);
    await time.advance(4000);
    await taking;
    expect(told).toEqual(['lease.held', 'lease.held']);
    const failing = leases.take(run).catch((error: Failure) => error.code);
    await time.advance(20_000);
    expect(await failing).toBe('lease.held');
  });

  it('fails at once if a run that started this process holds it, even when waiting', async () => {
    const time = clock();
    const host = new FakeHost('a', { clock: time, spawns: () => new FakeRemoteProcess(busy) });
    const wait = { deadline: 10_000, onBusy: () => undefined };
    const options = { clock: time, random: () => 0, wait, parents: ['run-2', 'run-3'] };
    const taking = new HostLeases(hosts(host), options).take({ ...run, recipe: 'restart' });
    await expect(taking).rejects.toMatchObject({
      ...{ kind: 'lease', code: 'lease.own' },
      message: 'this command was started by run run-2, which holds production; it would wait for itself',
      hint: 'use the step `- recipe: restart` instead, or run it after run run-2',
    });
  });

  async function held(time: MovableClock) {
    const holder = new FakeRemoteProcess('held');
    const host = new FakeHost('a', { clock: time, spawns: () => holder });
    const lease = await new HostLeases(hosts(host), { clock: time, random: () => 0 }).take(run);
    return { host, holder, lease };
  }

  it('sends heartbeats with the step, and lasts while they are answered', async () => {
    const time = clock();
    const { holder, lease } = await held(time);
    holder.onWrite = () => holder.print('.');
    lease.describe('web/pull\nnow');
    await time.advance(60_000);
    expect(lease.lost.aborted).toBe(false);
    expect(holder.written.length).toBeGreaterThan(25);
    expect(new Set(holder.written)).toEqual(new Set(['beat web/pull now']));
  });

  it('is lost when its holder exits or stops responding', async () => {
    const time = clock();
    const ended = await held(time);
    ended.holder.exit(1);
    const silent = await held(time);
    await time.advance(16_000);
    expect(ended.lease.lost.reason).toMatchObject({ code: 'lease.lost' });
    expect(silent.lease.lost.reason).toMatchObject({ code: 'lease.lost' });
  });

  it('is lost with the SSH connection, and names why that broke', async () => {
    const time = clock();
    const { host, holder, lease } = await held(time);
    host.lose(new Error('Packet corrupt'));
    holder.exit(undefined);
    await time.advance(0);
    expect(lease.lost.reason).toMatchObject({
      ...{ kind: 'unreachable', code: 'lease.lost', host: 'a' },
      message: 'the SSH connection to a broke: Packet corrupt; the lease on a was lost',
    });
  });

  it('is lost on one host, which is disconnected, while the others confirm theirs', async () => {
    const time = clock();
    const holders = ['a', 'b'].map(() => new FakeRemoteProcess('held'));
    const machines = holders.map(
      (holder, index) => new FakeHost('ab'[index] ?? '', { clock: time, spawns: () => holder }),
    );
    const lease = await new HostLeases(hosts(...machines), { clock: time, random: () => 0 }).take(run);
    const [first, second] = holders;
    if (second !== undefined) second.onWrite = () => second.print('.');
    first?.exit(1);
    let confirmed = false;
    const confirming = lease.confirm().then(() => (confirmed = true));
    await time.advance(0);
    expect([...lease.hosts].map(([host, { aborted }]) => [host, aborted])).toEqual([
      ['a', true],
      ['b', false],
    ]);
    expect([lease.lost.aborted, machines[0]?.closed, confirmed]).toEqual([false, true, false]);
    await time.advance(6000);
    await confirming;
    expect(lease.lost.aborted).toBe(false);
    second?.exit(1);
    await time.advance(0);
    expect(lease.lost.reason).toMatchObject({ host: 'b' });
  });

  it('is lost before anything is sent when this process was suspended', async () => {
    const time = clock();
    const { holder, lease } = await held(time);
    holder.onWrite = () => holder.print('.');
    await time.advance(4000);
    const sent = holder.written.length;
    time.jump(30_000);
    holder.print('.');
    await time.advance(0);
    expect(lease.lost.reason).toMatchObject({ message: expect.stringContaining('suspended') });
    expect(holder.written.length).toBe(sent);
  });

  it('fails with the reason if it cannot be held', async () => {
    const time = clock();
    const host = new FakeHost('a', {
      clock: time,
      spawns: () => new FakeRemoteProcess('broken\tflock is not installed'),
    });
    const taking = new HostLeases(hosts(host), { clock: time, random: () => 0 }).take(run);
    await expect(taking).rejects.toMatchObject({
      kind: 'access',
      code: 'lease.broken',
      message: expect.stringContaining('flock'),
    });
  });
});
