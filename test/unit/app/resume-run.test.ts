import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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

async function resume(revert: boolean, id?: string) {
  const result = await fleet.resume(revert, id);
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

it('fails to resume if every run has ended', async () => {
  await expect(resume(false)).rejects.toMatchObject({ code: 'resume.none' });
});
