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
/** A deploy whose process dies when the new container has started on the first host. */
const die = () => fleet.run('deploy', [next], {}, 30);

async function resume(revert: boolean, id?: string) {
  const result = await fleet.resume(revert, id);
  return result.kind === 'ran' ? result.report : result;
}

describe('a run that is interrupted', () => {
  /** Interrupts the deploy when the second host is about to start the new container. */
  async function interrupted(signal: 'SIGINT' | 'SIGTERM') {
    fleet.host('host-2').engine.faults.before('start', () => fleet.interrupts.cancel.abort(signal));
    return fleet.deploy(next);
  }

  it('is taken back, and ends with the exit code of Ctrl-C', async () => {
    const before = fleet.state();
    expect(await interrupted('SIGINT')).toMatchObject({ result: 'reverted', exitCode: 130, cancelled: true });
    expect(fleet.state()).toEqual(before);
  });

  it('ends with the exit code of a termination', async () => {
    expect(await interrupted('SIGTERM')).toMatchObject({ result: 'reverted', exitCode: 143 });
  });

  it('no longer listens for interrupts when it has ended', async () => {
    await interrupted('SIGINT');
    expect(fleet.interrupts.stopped).toBe(true);
  });

  it('changes nothing while it waits for its lease', async () => {
    fleet.host('host-1').faults.before('spawn', () => fleet.interrupts.cancel.abort('SIGINT'));
    await expect(fleet.deploy(next)).rejects.toMatchObject({ kind: 'interrupted' });
    expect(fleet.serves()).toEqual(serves('v1'));
  });
});

describe('a run that another process has left', () => {
  beforeEach(async () => {
    await die();
    expect(fleet.serves()).not.toEqual(serves('v1'));
    expect(fleet.serves()).not.toEqual(serves('v2'));
  });

  it('is resumed from its journal, and reports as if it had never stopped', async () => {
    expect(await resume(false)).toMatchObject({
      run: { id: 'run-2' },
      outcome: { result: 'done', exitCode: 0 },
      services: [{ service: 'web', release: 2, hosts: 3 }],
    });
    expect(fleet.serves()).toEqual(serves('v2'));
  });

  it('tells the listener of its beginning, then that it goes on', async () => {
    await resume(false);
    expect(fleet.listener.heard.slice(0, 4)).toEqual([
      'busy looking at production',
      'ready',
      'event run.started',
      'event run.resumed',
    ]);
  });

  it('is reverted', async () => {
    expect(await resume(true, 'run-2')).toMatchObject({ outcome: { result: 'reverted', left: [] } });
    expect(fleet.serves()).toEqual(serves('v1'));
  });

  it('is not resumed twice', async () => {
    await resume(true);
    await expect(resume(false)).rejects.toMatchObject({ kind: 'usage', code: 'resume.none' });
    await expect(resume(false, 'run-2')).rejects.toMatchObject({ kind: 'usage', code: 'resume.ended' });
  });

  it('is refused once another run has released something else', async () => {
    await fleet.deploy(at(web, 'v3'));
    const connections = fleet.connections.length;
    await expect(resume(false, 'run-2')).rejects.toMatchObject({ code: 'resume.overtaken' });
    expect(fleet.connections.length - connections).toBe(3);
    expect(fleet.serves()).toEqual(serves('v3'));
  });

  it('is blocked where one of its hosts is down', async () => {
    fleet.down.add('host-3');
    expect(await resume(true)).toMatchObject({ kind: 'blocked', problems: [{ host: 'host-3' }] });
  });

  it('asks no registry again', async () => {
    const asked = () => fleet.hosts.reduce((sum, { engine }) => sum + engine.faults.count('resolve'), 0);
    const before = asked();
    await resume(false);
    expect(asked()).toBe(before);
  });
});

it('there is nothing to resume where every run has ended', async () => {
  await expect(resume(false)).rejects.toMatchObject({ code: 'resume.none' });
});
