import { describe, expect, it } from '@jest/globals';
import { oneService, serviceInstances } from '../../../src/app/instances.js';
import { inOneOffContainer, releaseAt } from '../../../src/app/one-off-container.js';
import type { ExecFlags } from '../../../src/cli/commands/exec/command.js';
import { commandOf } from '../../../src/cli/commands/exec/run.js';
import { label } from '../../../src/domain/labels.js';
import { current, releaseLog } from '../../../src/domain/log.js';
import { service } from '../../fakes/recipes.js';
import { Fleet, serviceOn } from '../tasks/fleet.js';

const all = [service('web'), service('db', { count: 1 })];

describe('the command of an exec', () => {
  const none = {
    ...{ json: false, plain: false, input: true, detail: 'usual' as const, environment: {} },
    interactive: false,
    tty: false,
    all: false,
    new: false,
  };
  const command = (flags: Partial<ExecFlags>, names: readonly string[] = ['web'], isTerminal = true) =>
    commandOf(names, { ...none, command: ['ls', '-l'], ...flags }, { isTerminal });
  const refused = (flags: Partial<ExecFlags>, names?: readonly string[], isTerminal?: boolean) =>
    expect(() => command(flags, names, isTerminal)).toThrow(expect.objectContaining({ kind: 'usage' }));

  it('is made of the words after --', () => {
    expect(command({})).toEqual(['ls', '-l']);
    refused({ command: [] });
    refused({}, ['web', 'ls']);
  });

  it('takes no input on several instances, and requires a terminal for -t', () => {
    refused({ all: true, tty: true });
    refused({ all: true, new: true });
    refused({ all: true, host: 'host-1' });
    refused({ json: true, interactive: true });
    refused({ tty: true }, undefined, false);
    expect(command({ tty: true })).toEqual(['ls', '-l']);
  });

  it('runs in the only or the named service', () => {
    expect(oneService(all, 'db').name).toBe('db');
    expect(oneService(all.slice(0, 1), undefined).name).toBe('web');
    expect(() => oneService(all, undefined)).toThrow(
      expect.objectContaining({ hint: 'name one of web, db' }),
    );
    expect(() => oneService(all, 'wep')).toThrow(expect.objectContaining({ hint: 'did you mean web?' }));
  });
});

describe('a temporary container', () => {
  it('is made like those of the release, serves no requests, and is always removed', async () => {
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
    const fresh = { host, facts, run, service: 'web', release, argv: ['bin/task'], secrets, dialogue };
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
