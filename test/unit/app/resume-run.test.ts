import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { serviceStatus } from '../../../src/domain/service-status.js';
import { at, everywhere, Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080);
const next = at(web, 'v2');
let folder: string;
let fleet: Fleet;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oneclick-resume-'));
  fleet = new Fleet(3, { folder });
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
  await fleet.deploy(web);
});

afterEach(async () => {
  expect(fleet.open).toEqual([]);
  await rm(folder, { recursive: true });
});

const serves = (tag: string) => everywhere(`web ${tag} unless-stopped`);
/** A deploy whose process dies once the new container has started on the first host. */
const die = () => fleet.run('deploy', [next], {}, 30);

async function resume(revert: boolean, id?: string, ...without: readonly string[]) {
  const result = await fleet.resume(revert, id, { without });
  return result.kind === 'ran' ? result.report : result;
}

describe('an interrupted run', () => {
  /** Interrupts the deploy before the new container starts on the second host. */
  async function interrupted(signal: 'SIGINT' | 'SIGTERM') {
    fleet.host('host-2').engine.faults.before('start', () => fleet.interrupts.cancel.abort(signal));
    return fleet.deploy(next);
  }

  it('is undone, with the exit code of Ctrl-C', async () => {
    const before = fleet.state();
    expect(await interrupted('SIGINT')).toMatchObject({ result: 'reverted', exitCode: 130, cancelled: true });
    expect(fleet.state()).toEqual(before);
  });

  it('has the exit code of SIGTERM when terminated', async () => {
    expect(await interrupted('SIGTERM')).toMatchObject({ result: 'reverted', exitCode: 143 });
  });

  it('stops listening for signals when it has ended', async () => {
    await interrupted('SIGINT');
    expect(fleet.interrupts.stopped).toBe(true);
  });

  it('changes nothing while it waits for a lease', async () => {
    fleet.host('host-1').faults.before('spawn', () => fleet.interrupts.cancel.abort('SIGINT'));
    await expect(fleet.deploy(next)).rejects.toMatchObject({ kind: 'interrupted' });
    expect(fleet.runningTags()).toEqual(serves('v1'));
  });
});

describe('an unfinished run of another process', () => {
  beforeEach(async () => {
    await die();
    expect(fleet.runningTags()).not.toEqual(serves('v1'));
    expect(fleet.runningTags()).not.toEqual(serves('v2'));
  });

  it('is resumed from its journal, with a complete report', async () => {
    expect(await resume(false)).toMatchObject({
      run: { id: 'run-2' },
      outcome: { result: 'done', exitCode: 0 },
      services: [{ service: 'web', release: 2, hosts: 3 }],
    });
    expect(fleet.runningTags()).toEqual(serves('v2'));
  });

  it('reports its start, then that it resumes', async () => {
    await resume(false);
    expect(fleet.listener.lines.slice(0, 4)).toEqual([
      'busy checking production',
      'ready',
      'event run.started',
      'event run.resumed',
    ]);
  });

  it('can be undone', async () => {
    expect(await resume(true, 'run-2')).toMatchObject({ outcome: { result: 'reverted', left: [] } });
    expect(fleet.runningTags()).toEqual(serves('v1'));
  });

  it('cannot be resumed twice', async () => {
    await resume(true);
    await expect(resume(false)).rejects.toMatchObject({ kind: 'usage', code: 'resume.none' });
    await expect(resume(false, 'run-2')).rejects.toMatchObject({ kind: 'usage', code: 'resume.ended' });
  });

  it('cannot be resumed after a later release', async () => {
    await fleet.deploy(at(web, 'v3'));
    const connections = fleet.connections.length;
    await expect(resume(false, 'run-2')).rejects.toMatchObject({ code: 'resume.overtaken' });
    expect(fleet.connections.length - connections).toBe(3);
    expect(fleet.runningTags()).toEqual(serves('v3'));
  });

  it('is blocked by an unreachable host', async () => {
    fleet.down.add('host-3');
    expect(await resume(true)).toMatchObject({ kind: 'blocked', problems: [{ host: 'host-3' }] });
  });

  it('does not query the registry again', async () => {
    const asked = () => fleet.hosts.reduce((sum, { engine }) => sum + engine.faults.count('resolve'), 0);
    const before = asked();
    await resume(false);
    expect(asked()).toBe(before);
  });
});

describe('a deploy that loses a host for good', () => {
  /** Loses the first host once it runs the new release, while the second one changes. */
  async function losing() {
    fleet.host('host-2').engine.faults.before('start', () => fleet.lose('host-1'));
    return fleet.deploy(next);
  }
  const onOthers = serves('v1').filter((line) => !line.startsWith('host-1'));
  const running = () => fleet.runningTags().filter((line) => !line.startsWith('host-1'));

  it('is undone on the other hosts, and lists the lost one', async () => {
    const outcome = await losing();
    expect(outcome).toMatchObject({ result: 'incomplete', exitCode: 7 });
    expect(new Set(outcome.left.map(({ host }) => host))).toEqual(new Set(['host-1']));
    expect(running()).toEqual(onOthers);
  });

  it('names the command that leaves the host out, which works', async () => {
    await losing();
    expect(await resume(true)).toMatchObject({
      kind: 'blocked',
      problems: [{ host: 'host-1' }],
      next: 'if host-1 is gone for good, run: oneclick resume run-2 --revert --without host-1',
    });
    expect(await resume(true, 'run-2', 'host-1')).toMatchObject({
      outcome: { result: 'reverted', exitCode: 0, left: [] },
    });
    expect(running()).toEqual(onOthers);
    await expect(resume(true)).rejects.toMatchObject({ code: 'resume.none' });
  });

  it('names that command too when the host is no longer in the configuration', async () => {
    await losing();
    fleet.unlisted.add('host-1');
    expect(await resume(true)).toMatchObject({
      ...{ kind: 'blocked', problems: [{ code: 'host.unknown', host: 'host-1' }] },
      next: 'if host-1 is gone for good, run: oneclick resume run-2 --revert --without host-1',
    });
    expect(await resume(true, 'run-2', 'host-1')).toMatchObject({ outcome: { exitCode: 0 } });
    expect(running()).toEqual(onOthers);
  });

  it('is undone there as well once the host is back', async () => {
    await losing();
    fleet.down.delete('host-1');
    await expect(resume(true, 'run-2', 'host-1')).rejects.toMatchObject({
      ...{ kind: 'usage', code: 'resume.reachable', host: 'host-1' },
    });
    await expect(resume(true, 'run-2', 'host-9')).rejects.toMatchObject({
      ...{
        kind: 'usage',
        code: 'host.unknown',
        message: 'unknown host "host-9" (available: host-1, host-2, host-3)',
      },
    });
    expect(await resume(true)).toMatchObject({ outcome: { result: 'reverted', exitCode: 0 } });
    expect(fleet.runningTags()).toEqual(serves('v1'));
  });

  it('is followed by a deploy that mends the host once it is back', async () => {
    await losing();
    await resume(true, 'run-2', 'host-1');
    fleet.down.delete('host-1');
    const status = serviceStatus(
      await fleet.facts([web]),
      { project: 'shop', environment: 'production' },
      web,
      'host-1',
      fleet.clock.now(),
    );
    expect(status.why).toBe(
      'runs release 2 of run run-2, which was never activated; the next deploy brings it to release 1 or later',
    );
    expect(await fleet.deploy(web)).toMatchObject({ exitCode: 0 });
    expect(fleet.runningTags()).toEqual(serves('v1'));
  });

  it('after it was committed, goes on without the host, which the next deploy mends', async () => {
    fleet.host('host-2').engine.faults.before('ensureVolume', () => fleet.lose('host-1'));
    expect(await fleet.deploy(next)).toMatchObject({ result: 'done', exitCode: 0, committed: true });
    fleet.down.delete('host-1');
    expect(await fleet.deploy(next)).toMatchObject({ exitCode: 0 });
    expect(fleet.runningTags()).toEqual(serves('v2'));
  });

  it('after its client died, can be finished without the host', async () => {
    await die();
    fleet.lose('host-3');
    expect(await resume(false, 'run-2', 'host-3')).toMatchObject({
      outcome: { result: 'done', exitCode: 0 },
      services: [{ service: 'web', hosts: 2 }],
    });
    fleet.down.delete('host-3');
    const facts = await fleet.facts([web]);
    const { why } = serviceStatus(
      facts,
      { project: 'shop', environment: 'production' },
      web,
      'host-3',
      fleet.clock.now(),
    );
    expect(why).toBe(
      'was left out by run run-2: it runs release 1; the next deploy brings it to release 2 or later',
    );
    await fleet.deploy(next);
    expect(fleet.runningTags()).toEqual(serves('v2'));
  });
});

describe('an unfinished run of two services, one of which was released since', () => {
  const api = serviceOn('api', 9090);
  const images = (web: string, api: string) =>
    everywhere(`api ${api} unless-stopped`, `web ${web} unless-stopped`);

  /** A deploy of both that dies once api is stopped on a host and web runs the new release on one. */
  beforeEach(async () => {
    for (const tag of ['v1', 'v2']) fleet.push('api', tag);
    await fleet.deploy(web, api);
    fleet.host('host-1').engine.faults.before('start', () => undefined, 1);
    await fleet.run('deploy', [next, at(api, 'v2')], {}, 36);
    expect(fleet.runningTags()).not.toEqual(images('v1', 'v1'));
    await fleet.deploy(at(web, 'v3'));
  });

  it('undoes only what nobody has changed since, and names the rest', async () => {
    const report = await resume(true, 'run-3');
    expect(report).toMatchObject({
      outcome: {
        ...{ result: 'reverted', exitCode: 0 },
        never: expect.arrayContaining([
          {
            step: expect.stringContaining('/web/'),
            reason: 'run run-4 by ada has since released registry.test/web:v3',
          },
        ]),
      },
    });
    expect(fleet.runningTags()).toEqual(images('v3', 'v1'));
  });

  it('names that command when it is resumed forward', async () => {
    await expect(resume(false, 'run-3')).rejects.toMatchObject({
      ...{ kind: 'changed', code: 'resume.overtaken' },
      hint: 'undo what nobody has changed since: oneclick resume run-3 --revert',
    });
  });
});

it('fails to resume if every run has ended', async () => {
  await expect(resume(false)).rejects.toMatchObject({ code: 'resume.none' });
});
