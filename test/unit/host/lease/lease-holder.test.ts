import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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

const run = (argv: readonly string[], env = process.env) => {
  const held = spawnHere(argv, env);
  const lines = held.lines[Symbol.asyncIterator]();
  return { ...held, next: async () => (await lines.next()).value as string | undefined };
};
const start = (action: LeaseAction, info = '{"who":"ana"}', silence = 5, env = process.env) =>
  run(holderArgv(action, lock, info, silence), env);
const ask = (action: LeaseAction) => start(action).next();

/** Returns the start time of a process, field 22 of /proc/PID/stat. */
const startTime = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ')[19];

/** Replaces flock by a script, which runs `before` with the lock as $lock and the holder as $PPID. */
function withFlock(before: string): NodeJS.ProcessEnv {
  const flock = join(folder, 'flock');
  writeFileSync(flock, `#!/bin/sh\nlock='${lock}'\n${before}\nexec /usr/bin/flock "$@"\n`);
  chmodSync(flock, 0o755);
  return { ...process.env, PATH: `${folder}:${process.env.PATH}` };
}

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
    const replaced = start('take', '{}', 5, withFlock(`rm -f "$lock"; : >"$lock"`));
    expect(await replaced.next()).toMatch(/^broken\t.*keeps being replaced/);
    expect(await replaced.ended).toBe(1);
  });

  it('is not a process that does not hold the lock, so that process is never ended', async () => {
    const first = start('take');
    await first.next();
    const bystander = spawnHere(['sleep', '60']);
    writeFileSync(`${lock}.1`, readFileSync(`${lock}.${first.pid}`));
    const claim = `${startTime(bystander.pid)}\n{"who":"mallory"}\nstep\n`;
    writeFileSync(`${lock}.${bystander.pid}`, claim);
    expect(await ask('look')).toBe('busy\t{"who":"ana"}\t');
    first.write('release');
    await first.ended;
    expect(await ask('look')).toBe('free');
    expect(await ask('end')).toBe('free');
    expect(existsSync(`/proc/${bystander.pid}`)).toBe(true);
    bystander.kill('SIGKILL');
    await bystander.ended;
  });

  it('reports another program that holds the lock, and does not end it', async () => {
    writeFileSync(lock, '');
    const other = run(['sh', '-c', `exec 9<'${lock}'; flock -n 9; echo holding; exec sleep 60`]);
    await other.next();
    expect(await ask('take')).toBe('busy\t');
    expect(await ask('end')).toMatch(/^broken\ta process that is not a run holds .*\tfind it on the host: /);
    other.kill('SIGKILL');
    await other.ended;
  });

  it('never writes through links that others left next to the lock', async () => {
    const target = join(folder, 'target');
    writeFileSync(target, 'kept');
    const first = start('take', '{"who":"ana"}', 5, withFlock(`ln -sf target "$lock.$PPID"`));
    expect(await first.next()).toBe('held');
    expect(await ask('look')).toBe('busy\t{"who":"ana"}\t');
    first.write('release');
    await first.ended;
    expect(readFileSync(target, 'utf8')).toBe('kept');
    expect(readdirSync(folder)).toEqual(['a.lock', 'flock', 'target']);
  });
});

describe('a holder and one of the version of 2026-11-30', () => {
  const script = readFileSync(join(import.meta.dirname, '../../../fixtures/leases/2026-11-30.sh'), 'utf8');
  const older = (action: LeaseAction, info = '{"who":"old"}') =>
    run(['sh', '-c', script, 'oneclick-lease', action, lock, info, '2']);
  const newer = (action: LeaseAction) => start(action, '{"who":"new"}', 2);

  it.each([
    ['old', older, newer],
    ['new', newer, older],
  ] as const)(
    'exclude, name and end each other if the %s one holds the lease',
    async (who, first, second) => {
      const holder = first('take');
      expect(await holder.next()).toBe('held');
      holder.write('beat web/start');
      expect(await holder.next()).toBe('.');
      expect(await second('take').next()).toBe(`busy\t{"who":"${who}"}\tweb/start`);
      expect(await second('look').next()).toBe(`busy\t{"who":"${who}"}\tweb/start`);
      expect(await second('end').next()).toBe(`ended\t{"who":"${who}"}\tweb/start`);
      await holder.ended;
      const next = second('take');
      expect(await next.next()).toBe('held');
      next.write('release');
      await next.ended;
    },
  );

  it('exclude each other while the newer one replaces the lock file', async () => {
    const first = older('take');
    await first.next();
    first.write('release');
    await first.ended;
    const [one, other] = await Promise.all([older('take'), newer('take')].map(async (holder) => holder));
    const answers = [await one?.next(), await other?.next()];
    expect(answers.filter((answer) => answer === 'held')).toHaveLength(1);
    one?.end();
    other?.end();
    await Promise.all([one?.ended, other?.ended]);
  });
});
