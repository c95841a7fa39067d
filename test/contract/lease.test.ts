import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../src/domain/clock.js';
import type { HostAddress } from '../../src/domain/environment.js';
import type { RunInfo } from '../../src/domain/task.js';
import type { Host } from '../../src/host/host.js';
import { endLeases, HostLeases, leaseHolders } from '../../src/host/lease/lease.js';
import type { Lease } from '../../src/run/ports.js';
import { TcpProxy } from '../fakes/tcp-proxy.js';
import { connect, sandbox } from './sandbox.js';

jest.setTimeout(60_000);

const run: RunInfo = {
  id: 'run-1',
  recipe: 'deploy',
  project: `contract-${process.pid}`,
  environment: 'test',
  who: 'ana',
  started: '2026-01-01T00:00:00.000Z',
};
const ben = { ...run, id: 'run-2', who: 'ben' };
const options = { clock: systemClock, random: Math.random };

describe.each([
  ['ssh2', {}],
  ['the system ssh', { transport: 'system' }],
] as const)('a lease on real machines, over %s', (_, transport) => {
  const closing: (() => Promise<void>)[] = [];
  let proxy: TcpProxy;
  let proxied: Host;
  let direct: Host;

  beforeEach(async () => {
    const [address] = (await sandbox()).addresses;
    if (address === undefined) throw new Error('the sandbox has no machine');
    proxy = await TcpProxy.to(address.address, address.port ?? 22);
    const through = {
      ...address,
      ...transport,
      address: '127.0.0.1',
      port: proxy.port,
      knownHosts: '/dev/null',
      hostKeys: 'accept-new',
    } as const;
    proxied = await open(through);
    direct = await open(address);
    closing.push(() => proxy.close());
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function open(address: HostAddress): Promise<Host> {
    const { connected, failures, close } = await connect([address]);
    closing.push(close);
    const host = connected.get(address.name);
    if (host === undefined) throw failures[0] ?? new Error('not connected');
    return host;
  }
  const take = (host: Host, who: RunInfo) => new HostLeases(new Map([[host.name, host]]), options).take(who);
  const lossOf = (lease: Lease) =>
    new Promise((resolve) =>
      lease.lost.addEventListener('abort', () => resolve(lease.lost.reason), { once: true }),
    );

  /** Time until another run gets the lease. ms */
  async function untilFree(): Promise<number> {
    const start = systemClock.monotonic();
    const wait = { deadline: 30_000, onBusy: () => undefined };
    const leases = new HostLeases(new Map([[direct.name, direct]]), { ...options, wait });
    await (await leases.take(ben)).release();
    return systemClock.monotonic() - start;
  }

  it('names its holder to a second run, and is free once released', async () => {
    const lease = await take(proxied, run);
    lease.describe('web/start');
    while ((await leaseHolders([direct], run))[0]?.step === '');
    await expect(take(direct, ben)).rejects.toMatchObject({ code: 'lease.held' });
    expect(await leaseHolders([direct], run)).toMatchObject([
      { who: 'ana', run: 'run-1', step: 'web/start' },
    ]);
    await lease.release();
    await (await take(direct, ben)).release();
    expect(proxied.lost.aborted).toBe(false);
  });

  it('is free within seconds after its process is killed', async () => {
    const lease = await take(proxied, run);
    const lost = lossOf(lease);
    proxy.cut();
    expect(await lost).toMatchObject({ code: 'lease.lost' });
    expect(await untilFree()).toBeLessThan(5000);
  });

  it('is free within 15 s after a network cut; its run stops and cannot send anything', async () => {
    const lease = await take(proxied, run);
    const lost = lossOf(lease);
    proxy.freeze();
    const late = proxied
      .run({ argv: ['touch', `/tmp/${run.project}`], timeout: 30_000 })
      .catch((error: unknown) => error);
    expect(await untilFree()).toBeLessThan(15_000);
    expect(await lost).toMatchObject({ code: 'lease.lost' });
    proxy.unfreeze();
    expect(await late).toMatchObject({ kind: 'unreachable' });
    expect(proxied.lost.aborted).toBe(true);
    expect(await direct.run({ argv: ['test', '-e', `/tmp/${run.project}`], timeout: 5000 })).toMatchObject({
      code: 1,
    });
  });

  it('ends the SSH connection of its run when taken', async () => {
    const lease = await take(proxied, run);
    const lost = lossOf(lease);
    expect(await endLeases([direct], run)).toMatchObject([{ who: 'ana' }]);
    expect(await lost).toMatchObject({ code: 'lease.lost' });
    await expect(proxied.run({ argv: ['true'], timeout: 5000 })).rejects.toMatchObject({
      kind: 'unreachable',
    });
    await (await take(direct, ben)).release();
  });
});
