import { describe, expect, it } from '@jest/globals';
import { oneService, serviceInstances } from '../../../src/app/instances.js';
import { inOneOffContainer, releaseAt } from '../../../src/app/one-off-container.js';
import { commandOf, type ExecFlags } from '../../../src/cli/commands/exec.js';
import { logOptions } from '../../../src/cli/commands/logs.js';
import { chosenHost, handOver } from '../../../src/cli/commands/ssh.js';
import { label } from '../../../src/domain/labels.js';
import { current, releaseLog } from '../../../src/domain/log.js';
import { service } from '../../fakes/recipes.js';
import { Fleet, serviceOn } from '../tasks/fleet.js';

const all = [service('web'), service('db', { count: 1 })];
const hosts = ['host-1', 'host-2'].map((name) => ({ name, address: name, hostKeys: 'known' as const }));
const environment = { project: 'shop', name: 'production', services: all, hosts };
const now = new Date('2026-01-02T12:00:00Z');

describe('the logs that are asked for', () => {
  const asked = (flags: Partial<Parameters<typeof logOptions>[0]>) =>
    logOptions({ follow: false, ...flags }, now);

  it('are the last hundred lines, or all where something else says which', () => {
    expect(asked({})).toEqual({ follow: false, lines: 100 });
    expect(asked({ grep: 'error' })).toEqual({ follow: false });
    expect(asked({ since: '10m' })).toEqual({ follow: false, since: '2026-01-02T11:50:00.000Z' });
    expect(asked({ since: '2d', lines: 3 })).toEqual({
      ...{ follow: false, lines: 3 },
      since: '2025-12-31T12:00:00.000Z',
    });
  });

  it('are of a time in ISO 8601, or the flag is refused', () => {
    expect(asked({ since: '2026-01-01T10:00:00+02:00' }).since).toBe('2026-01-01T08:00:00.000Z');
    for (const since of ['yesterday', '10', '2026-13-01'])
      expect(() => asked({ since })).toThrow(expect.objectContaining({ kind: 'usage' }));
  });
});

describe('the command of an exec', () => {
  const none = {
    ...{ json: false, plain: false, input: true, detail: 'usual' as const, environment: {} },
    interactive: false,
    tty: false,
    all: false,
    new: false,
  };
  const command = (flags: Partial<ExecFlags>, names: readonly string[] = ['web'], isTerminal = true) =>
    commandOf(names, { ...none, words: ['ls', '-l'], ...flags }, { isTerminal });
  const refused = (flags: Partial<ExecFlags>, names?: readonly string[], isTerminal?: boolean) =>
    expect(() => command(flags, names, isTerminal)).toThrow(expect.objectContaining({ kind: 'usage' }));

  it('is what stands after --, word by word', () => {
    expect(command({})).toEqual(['ls', '-l']);
    refused({ words: [] });
    refused({}, ['web', 'ls']);
  });

  it('takes no input on several instances, and a terminal only where there is one', () => {
    refused({ all: true, tty: true });
    refused({ all: true, new: true });
    refused({ all: true, host: 'host-1' });
    refused({ json: true, interactive: true });
    refused({ tty: true }, undefined, false);
    expect(command({ tty: true })).toEqual(['ls', '-l']);
  });

  it('is for the only service, or for the one that is named', () => {
    expect(oneService(all, 'db').name).toBe('db');
    expect(oneService(all.slice(0, 1), undefined).name).toBe('web');
    expect(() => oneService(all, undefined)).toThrow(
      expect.objectContaining({ hint: 'name one of web, db' }),
    );
    expect(() => oneService(all, 'wep')).toThrow(expect.objectContaining({ hint: 'did you mean web?' }));
  });
});

describe('a container of its own for a command', () => {
  it('is made as those of the release, serves nobody, and is gone afterwards, whatever happens', async () => {
    const fleet = new Fleet(1);
    fleet.push('web', 'v1', { runs: () => ({ code: 5, stdout: 'done' }) });
    const web = serviceOn('web', 8080, { count: 1, env: { MODE: 'web' } });
    await fleet.deploy(web);
    const [host] = fleet.hosts;
    if (host === undefined) throw new Error('a fleet without a host');
    const { run } = await fleet.plan('deploy', [web]);
    const facts = await fleet.facts([web]);
    const [place] = serviceInstances(facts, run, [web]);
    if (place === undefined) throw new Error('web runs nowhere');
    const release = releaseAt(facts, place);
    expect(release).toEqual(current(releaseLog(facts, 'web'))?.release);
    const dialogue = { input: false };
    const secrets = new Map([['TOKEN', 'hunter22']]);
    const fresh = { host, run, service: 'web', release, argv: ['bin/task'], secrets, dialogue };
    const code = await inOneOffContainer(fresh, async (process) => {
      const beside = host.engine.all().find(({ labels }) => labels[label.role] === 'exec');
      expect(beside).toMatchObject({ state: 'running', ports: [], restart: 'no' });
      expect(beside?.env).toEqual(['MODE=web', 'TOKEN=hunter22']);
      expect(serviceInstances(await fleet.facts([web]), run, [web])).toEqual([place]);
      for await (const { data } of process.output) expect(data.toString()).toBe('done');
      return process.exit();
    });
    expect(code).toBe(5);
    const interrupted = inOneOffContainer(fresh, () => Promise.reject(new Error('Ctrl-C')));
    await expect(interrupted).rejects.toThrow('Ctrl-C');
    expect(host.engine.all().filter(({ labels }) => labels[label.role] === 'exec')).toEqual([]);
  });
});

describe('the host of an ssh', () => {
  it('is the one that is named, that of an instance, or the only one', () => {
    expect(chosenHost(environment, 'host-2').name).toBe('host-2');
    expect(chosenHost(environment, 'web/2').name).toBe('host-2');
    expect(chosenHost({ ...environment, hosts: hosts.slice(0, 1) }, undefined).name).toBe('host-1');
  });

  it('is asked for where there are several, and suggested where there is no such one', () => {
    const hint = (name: string | undefined, text: string) =>
      expect(() => chosenHost(environment, name)).toThrow(
        expect.objectContaining({ kind: 'usage', hint: text }),
      );
    hint(undefined, 'name one of host-1, host-2');
    hint('host-3', 'did you mean host-1?');
    hint('web', 'oneclick ssh web/1 goes to the first instance of web');
    hint('wep/1', 'did you mean web?');
    hint('db/2', 'db has 1: db/1 is on host-1');
  });

  it('has its exit code passed on, and 128 and the number of a signal', async () => {
    const run = (script: string) => handOver('sh', ['-c', script], process.env);
    expect(await run('exit 7')).toBe(7);
    expect(await run('kill -9 $$')).toBe(137);
    await expect(handOver('/no/such/ssh', [], process.env)).rejects.toMatchObject({ code: 'ssh.missing' });
  });
});
