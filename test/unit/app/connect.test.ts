import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { withEnvironment } from '../../../src/app/connect.js';
import type { Service } from '../../../src/domain/service.js';
import { at, Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080);
const onTwo: Service = { ...web, instances: web.instances.slice(0, 2) };
let fleet: Fleet;

beforeEach(async () => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2']) fleet.push('web', tag);
  await fleet.deploy(web);
  fleet.listener.clear();
});

afterEach(() => {
  expect(fleet.open).toEqual([]);
});

describe('a host that is down', () => {
  it('causes a single warning if nothing changes on it', async () => {
    fleet.down.add('host-3');
    const request = { untouchedHosts: ['host-3'], confirm: async () => true };
    expect(await fleet.recipe('deploy', [at(onTwo, 'v2')], request)).toMatchObject({ kind: 'ran' });
    expect(fleet.warnings).toEqual(['skipping host-3 and its releases: nothing answers']);
  });

  it('is a problem if it is needed, and the others are read anyway', async () => {
    fleet.down.add('host-2');
    const { facts, problems } = await withEnvironment(await fleet.session([web]), { services: [web] }, (it) =>
      it.snapshot(),
    );
    expect(problems).toMatchObject([{ host: 'host-2', code: 'host.unreachable' }]);
    expect(Object.keys(facts.hosts)).toEqual(['host-1', 'host-3']);
    expect(fleet.warnings).toEqual([]);
  });

  it('does not matter for services on other hosts', async () => {
    fleet.down.add('host-3');
    await fleet.connected([onTwo], async ({ hosts }) => expect(hosts.failures).toEqual([]));
    expect(fleet.connections.slice(-2).map(({ name }) => name)).toEqual(['host-1', 'host-2']);
  });
});

describe('connections', () => {
  it('are closed when the work fails', async () => {
    const failing = fleet.connected([web], async () => {
      throw new Error('the work has failed');
    });
    await expect(failing).rejects.toThrow('the work has failed');
    expect(fleet.listener.lines).toEqual(['busy checking production', 'ready']);
  });

  it('are closed without waiting for hosts when the cloud cannot be opened', async () => {
    const session = await fleet.session([web]);
    const openCloud = () => Promise.reject(new Error('there is no cloud'));
    const adapters = { ...session.context.adapters, openCloud };
    const request = { services: [web], needs: new Set(['hosts', 'cloud'] as const) };
    const cloudless = { ...session, context: { ...session.context, adapters } };
    await expect(withEnvironment(cloudless, request, async () => undefined)).rejects.toThrow(
      'there is no cloud',
    );
  });
});

describe('a secret without a value', () => {
  const secret = { ...web, secrets: ['TOKEN', 'KEY'] };

  it('is a fact with its reason, not a problem of the snapshot', async () => {
    fleet.secrets.set('KEY', 'a-key');
    const request = { services: [secret], secrets: 'all' } as const;
    const { problems, facts } = await withEnvironment(await fleet.session([secret]), request, (it) =>
      it.snapshot(),
    );
    expect(problems).toEqual([]);
    expect(facts.secrets).toEqual({
      known: ['KEY'],
      missing: { TOKEN: 'not in the environment, no file .env.production' },
    });
  });

  it('is not looked up by commands that only read', async () => {
    const { secrets } = await fleet.facts([secret]);
    expect(secrets).toBeUndefined();
  });
});

describe('a lost connection', () => {
  const lose = (name: string) =>
    fleet.connections.filter((one) => one.name === name).forEach((one) => void one.lose());

  it('is restored for a snapshot with a signal, and fails one without', async () => {
    const { signal } = new AbortController();
    await fleet.connected([web], async (connected) => {
      lose('host-2');
      expect((await connected.snapshot()).problems).toMatchObject([{ host: 'host-2' }]);
      expect((await connected.snapshot(signal)).problems).toEqual([]);
    });
  });

  it('reports each host once, however often it is read', async () => {
    const { signal } = new AbortController();
    const request = { services: [web], untouchedHosts: ['host-2'] };
    await withEnvironment(await fleet.session([web]), request, async (connected) => {
      lose('host-2');
      fleet.down.add('host-2');
      for (let times = 0; times < 3; times += 1)
        expect((await connected.snapshot(signal)).problems).toEqual([]);
    });
    expect(fleet.warnings).toHaveLength(1);
  });
});
