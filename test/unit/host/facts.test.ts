import { beforeEach, describe, expect, it } from '@jest/globals';
import { Failure } from '../../../src/domain/failure.js';
import { type FactsRequest, readFacts } from '../../../src/host/facts.js';
import { MovableClock } from '../../fakes/clock.js';
import { FakeRegistry } from '../../fakes/engine.js';
import { FakeHost } from '../../fakes/host.js';
import { service } from '../../fakes/recipes.js';

const machine = `Filesystem 1024-blocks Used Available Capacity Mounted on
/dev/sda1 1000 400 600 40% /var/lib/docker
  sl  local_address rem_address   st tx_queue rx_queue
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000
   1: 0100007F:0016 0100007F:9999 01 00000000:00000000
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000
`;
let hosts: FakeHost[];
let registry: FakeRegistry;

beforeEach(() => {
  const clock = new MovableClock();
  registry = new FakeRegistry();
  registry.push('registry/web:1');
  hosts = ['host-1', 'host-2'].map(
    (name) => new FakeHost(name, { clock, registry, answers: [() => ({ stdout: machine })] }),
  );
});

const read = (parts: Partial<FactsRequest> = {}) =>
  readFacts(hosts, {
    project: 'shop',
    environment: 'production',
    services: [service('web')],
    secrets: new Map(),
    resolves: true,
    resolved: {},
    withLogin: (_, __, ask) => ask(undefined),
    ...parts,
  });

describe('the facts of all hosts', () => {
  it('contain each listening port once, and the free space in bytes', async () => {
    const { facts } = await read();
    expect(facts.hosts['host-1']).toMatchObject({
      listening: [8080],
      ...{ diskFree: 600 * 1024, diskSize: 1000 * 1024 },
    });
  });

  it('omit a host that fails, and list it as a problem', async () => {
    hosts[1]?.engine.faults.fail('containers', new Failure('unreachable', 'host.lost', 'lost'));
    const { facts, problems } = await read();
    expect(Object.keys(facts.hosts)).toEqual(['host-1']);
    expect(problems).toMatchObject([{ kind: 'unreachable', host: 'host-2' }]);
  });

  it('name the volume of an unreadable log line', async () => {
    await hosts[0]?.engine.ensureVolume('line', {
      'oneclick.log': 'shop/production',
      'oneclick.activation': '{',
    });
    const { problems } = await read();
    expect(problems).toMatchObject([{ code: 'log.unreadable', host: 'host-1' }]);
    expect(problems[0]?.message).toContain('line');
  });

  it('name the secrets that differ, without values', async () => {
    const env = ['TOKEN=old=value', 'SAME=1', 'PATH=/bin'];
    hosts[0]?.engine.addForeign({ name: 'web', env });
    const secrets = new Map([
      ['TOKEN', 'new=value'],
      ['SAME', '1'],
      ['ABSENT', 'x'],
    ]);
    const { facts } = await read({ secrets });
    expect(facts.hosts['host-1']?.containers[0]?.staleSecrets).toEqual(['TOKEN']);
    expect(JSON.stringify(facts)).not.toMatch(/old=value|new=value/);
  });

  it('resolve an unknown image once, on one host', async () => {
    const { facts } = await read();
    expect(hosts.map(({ engine }) => engine.faults.count('resolve'))).toEqual([1, 0]);
    await read({ resolved: facts.resolved });
    expect(hosts.map(({ engine }) => engine.faults.count('resolve'))).toEqual([1, 0]);
  });

  it('query no registry unless requested', async () => {
    await read({ resolves: false });
    expect(hosts.map(({ engine }) => engine.faults.count('resolve'))).toEqual([0, 0]);
  });
});
