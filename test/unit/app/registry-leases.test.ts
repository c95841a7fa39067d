import { describe, expect, it } from '@jest/globals';
import type { ImageTransfer } from '../../../src/app/build/transfer.js';
import { RegistryLeases } from '../../../src/app/registry-leases.js';
import type { RunInfo } from '../../../src/domain/task.js';
import { MovableClock } from '../../fakes/clock.js';
import { FakeHost } from '../../fakes/host.js';
import { FakeLeases } from '../../fakes/leases.js';

const clock = new MovableClock();
const run: RunInfo = {
  ...{ id: 'run-1', recipe: 'deploy', project: 'shop', environment: 'production', who: 'ada' },
  started: clock.now().toISOString(),
};
const port = 20_000;

function field() {
  const hosts = ['web-1', 'web-2', 'db-1'].map((name) => new FakeHost(name, { clock }));
  const shipment: ImageTransfer = {
    ...{ hosts: new Set(['web-1', 'web-2']), port, resolved: {} },
    login: { username: 'oneclick', password: 'secret', serveraddress: `127.0.0.1:${port}` },
    take: () => undefined,
    sent: () => ({ layers: 1, bytes: 2_500 }),
    close: async () => undefined,
  };
  const messages: string[] = [];
  const own = new FakeLeases();
  const leases = new RegistryLeases(own, new Map(hosts.map((host) => [host.name, host])), shipment, {
    note: (text) => messages.push(text),
  });
  return {
    hosts,
    own,
    leases,
    said: messages,
    lentTo: () => hosts.filter(({ forwardedPorts: lent }) => lent.has(port)),
  };
}

describe('a lease with a forwarded registry', () => {
  it('forwards the port to pulling hosts while held, and reports the sent bytes once', async () => {
    const { hosts, own, leases, said: messages, lentTo } = field();
    const lease = await leases.take(run);
    expect(lentTo()).toEqual(hosts.slice(0, 2));
    lease.describe('web/pull');
    await lease.release();
    await lease.release();
    expect([lentTo(), own.described, messages]).toEqual([
      [],
      ['web/pull'],
      ['sent 1 layer over SSH (2.5 kB)'],
    ]);
    expect(own.released).toBeGreaterThan(0);
  });

  it('is released if forwarding fails, with all failed hosts', async () => {
    const { hosts, own, leases, lentTo } = field();
    for (const host of hosts.slice(1)) host.engine.occupied.add(port);
    await expect(leases.take(run)).rejects.toMatchObject({
      problems: [{ host: 'web-2', code: 'lend.taken' }],
    });
    expect([lentTo(), own.released]).toEqual([[], 1]);
  });
});
