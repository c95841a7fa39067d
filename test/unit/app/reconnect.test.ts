import { beforeEach, describe, expect, it } from '@jest/globals';
import { Reconnector } from '../../../src/app/reconnect.js';
import type { HostAddress } from '../../../src/domain/environment.js';
import { Failure } from '../../../src/domain/failure.js';
import type { Hosts } from '../../../src/host/hosts.js';
import { MovableClock } from '../../fakes/clock.js';
import { FakeConnection } from '../../fakes/connection.js';
import { FakeHost } from '../../fakes/host.js';

const clock = new MovableClock();
const addresses: readonly HostAddress[] = ['web-1', 'web-2'].map((name) => ({
  ...{ name, address: name, hostKeys: 'known' },
}));
const { signal } = new AbortController();
let dialed: string[];
let opened: FakeConnection[];
let isDown: boolean;

async function dial(wanted: readonly HostAddress[]): Promise<Hosts> {
  dialed.push(...wanted.map(({ name }) => name));
  const reached = isDown ? [] : wanted.map(({ name }) => new FakeConnection(new FakeHost(name, { clock })));
  opened.push(...reached);
  const down = (host: string) => new Failure('unreachable', 'host.unreachable', 'nothing answers', { host });
  return {
    connected: new Map(reached.map((host) => [host.name, host])),
    failures: isDown ? wanted.map(({ name }) => down(name)) : [],
    close: async () => {
      for (const host of reached) await host.close();
    },
  };
}

async function connected(): Promise<Reconnector> {
  return new Reconnector(await dial(addresses), addresses, dial);
}

const lose = (name: string) => {
  for (const one of opened) if (one.name === name) one.lose();
};

beforeEach(() => {
  dialed = [];
  opened = [];
  isDown = false;
});

describe('a host', () => {
  it('is returned as it is while connected', async () => {
    const reconnector = await connected();
    expect(await reconnector.connect('web-1', signal)).toBe(opened[0]);
    expect(dialed).toEqual(['web-1', 'web-2']);
  });

  it('is reconnected once for all callers', async () => {
    const reconnector = await connected();
    lose('web-1');
    const hosts = await Promise.all([1, 2, 3].map(() => reconnector.connect('web-1', signal)));
    expect(new Set(hosts)).toEqual(new Set([opened[2]]));
    expect(dialed).toEqual(['web-1', 'web-2', 'web-1']);
  });

  it('is tried again after a failed attempt', async () => {
    isDown = true;
    const reconnector = await connected();
    const asking = [1, 2].map(() => reconnector.connect('web-2', signal));
    for (const one of await Promise.allSettled(asking))
      expect(one).toMatchObject({ reason: { code: 'host.unreachable', host: 'web-2' } });
    expect(dialed).toEqual(['web-1', 'web-2', 'web-2']);
    isDown = false;
    expect(await reconnector.connect('web-2', signal)).toMatchObject({ name: 'web-2' });
  });

  it('is a failure if unknown', async () => {
    const reconnector = await connected();
    await expect(reconnector.connect('db-1', signal)).rejects.toMatchObject({ code: 'host.unknown' });
  });
});

it('closes the connections of all attempts', async () => {
  const reconnector = await connected();
  lose('web-1');
  await reconnector.connect('web-1', signal);
  await reconnector.close();
  expect(opened.map(({ closed }) => closed)).toEqual([true, true, true]);
});
