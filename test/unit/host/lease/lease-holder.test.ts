import { chmodSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { holderArgv, type LeaseAction } from '../../../../src/host/lease/lease-holder.js';
import { spawnHere } from '../../../fakes/remote-process.js';

let folder: string;
let lock: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lease-'));
  lock = join(folder, 'a.lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

const start = (action: LeaseAction, info = '{"who":"ana"}', silence = 5, env = process.env) => {
  const held = spawnHere(holderArgv(action, lock, info, silence), env);
  const lines = held.lines[Symbol.asyncIterator]();
  return { ...held, next: async () => (await lines.next()).value as string | undefined };
};
const ask = (action: LeaseAction) => start(action).next();

describe('the holder of a lease on a host', () => {
  it('is the only one, and tells others its run and step', async () => {
    const first = start('take');
    expect(await first.next()).toBe('held');
    first.write('beat web/start 1');
    expect(await first.next()).toBe('.');
    const second = start('take', '{"who":"ben"}');
    expect(await second.next()).toBe('busy\t{"who":"ana"}\tweb/start 1');
    expect(await second.ended).toBe(1);
    expect(await ask('look')).toBe('busy\t{"who":"ana"}\tweb/start 1');
    first.write('release');
    expect(await first.ended).toBe(0);
    expect(await ask('look')).toBe('free');
    expect(readdirSync(folder)).toEqual(['a.lock']);
  });

  it('exits when its input ends', async () => {
    const first = start('take');
    await first.next();
    first.end();
    await first.ended;
    const second = start('take');
    expect(await second.next()).toBe('held');
    second.end();
    await second.ended;
  });

  it('leaves no files if the client dies before the answer', async () => {
    const { next, write, ignoreOutput, ended } = start('take');
    await next();
    ignoreOutput();
    write('beat web/start 1');
    await ended;
    expect(readdirSync(folder)).toEqual(['a.lock']);
  });

  it('exits after a timeout', async () => {
    const first = start('take', '{}', 1);
    await first.next();
    expect(await first.ended).toBe(1);
    expect(await ask('look')).toBe('free');
  });

  it('leaves no valid files when killed', async () => {
    const first = start('take', '{}', 1);
    await first.next();
    first.kill('SIGKILL');
    await first.ended;
    expect(await ask('look')).toBe('free');
    const second = start('take');
    expect(await second.next()).toBe('held');
    second.end();
    await second.ended;
  });

  it('is ended by a run that takes the lease, which learns its name', async () => {
    const first = start('take', '{"who":"ana"}', 1);
    await first.next();
    expect(await ask('end')).toBe('ended\t{"who":"ana"}\t');
    expect(await first.ended).toBe(1);
    expect(await ask('end')).toBe('free');
  });

  it('does not count as alive if another process has its ID', async () => {
    writeFileSync(`${lock}.${process.pid}`, '12345\n{"who":"old"}\nstep\n');
    expect(await ask('look')).toBe('free');
  });

  it('reports an invalid lock file', async () => {
    symlinkSync('/etc/hostname', lock);
    expect(await ask('take')).toMatch(/^broken\t.*is not a readable file/);
  });

  it('reports a lock file that keeps being replaced', async () => {
    const flock = join(folder, 'flock');
    writeFileSync(flock, `#!/bin/sh\nrm -f '${lock}'\n: >'${lock}'\nexec /usr/bin/flock "$@"\n`);
    chmodSync(flock, 0o755);
    const replaced = start('take', '{}', 5, { ...process.env, PATH: `${folder}:${process.env.PATH}` });
    expect(await replaced.next()).toMatch(/^broken\t.*keeps being replaced/);
    expect(await replaced.ended).toBe(1);
  });
});
