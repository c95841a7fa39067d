import { describe, expect, it } from '@jest/globals';
import { chosenHost } from '../../../src/app/choose-host.js';
import { handOver } from '../../../src/cli/commands/ssh/run.js';
import { service } from '../../fakes/recipes.js';

const all = [service('web'), service('db', { count: 1 })];
const hosts = ['host-1', 'host-2'].map((name) => ({ name, address: name, hostKeys: 'known' as const }));
const environment = { project: 'shop', name: 'production', services: all, hosts };

describe('the host to connect to', () => {
  it('is the named one, that of an instance, or the only one', () => {
    expect(chosenHost(environment, 'host-2').name).toBe('host-2');
    expect(chosenHost(environment, 'web/2').name).toBe('host-2');
    expect(chosenHost({ ...environment, hosts: hosts.slice(0, 1) }, undefined).name).toBe('host-1');
  });

  it('is required when there are several, and suggested when unknown', () => {
    const hint = (name: string | undefined, text: string) =>
      expect(() => chosenHost(environment, name)).toThrow(
        expect.objectContaining({ kind: 'usage', hint: text }),
      );
    hint(undefined, 'name one of host-1, host-2');
    hint('host-3', 'did you mean host-1?');
    hint('web', 'for the first instance of web: oneclick ssh web/1');
    hint('wep/1', 'did you mean web?');
    hint('db/2', 'available: db/1');
  });

  it('passes on its exit code, or 128 plus the signal', async () => {
    const run = (script: string) => handOver('sh', ['-c', script], process.env);
    expect(await run('exit 7')).toBe(7);
    expect(await run('kill -9 $$')).toBe(137);
    await expect(handOver('/no/such/ssh', [], process.env)).rejects.toMatchObject({ code: 'ssh.missing' });
  });
});
