import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, jest, test } from '@jest/globals';
import { openSandbox, type Project, succeeds } from '../integration/harness.js';
import { everyMachine } from './table.js';

jest.setTimeout(300_000);

const exec = promisify(execFile);
const sandbox = await openSandbox('rekey');
afterAll(async () => {
  await sandbox.clean();
  const { stdout } = await exec('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}']);
  const images = stdout.split('\n').filter((name) => /^127\.0\.0\.1:2\d{4}\/rekeyed:/.test(name));
  if (images.length > 0) await exec('docker', ['rmi', '--force', ...images]);
  await sandbox.down();
});

/** Limits of sshd, and bytes to transfer: several times the limit. */
const rows = [
  { limit: '1M', size: 12_000_000 },
  ...(process.env.ONECLICK_EXHAUSTIVE === undefined ? [] : [{ limit: '16M', size: 300_000_000 }]),
];
const restartSshd =
  'old=$(cat /run/sshd.pid); kill "$old"; ' +
  'until new=$(cat /run/sshd.pid 2>/dev/null) && [ -n "$new" ] && [ "$new" != "$old" ]; do sleep 0.1; done';
const setting = '/etc/ssh/sshd_config.d/rekey.conf';
const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');

/** A project whose image has a layer with these bytes. */
async function createProject(data: Buffer): Promise<Project> {
  const project = await sandbox.newProject();
  const { folder } = project;
  await writeFile(join(folder, 'data'), data);
  await writeFile(join(folder, 'Dockerfile'), `FROM ${sandbox.image('v1')}\nCOPY data /data\n`);
  const environments = { pair: sandbox.environmentOf(everyMachine) };
  await project.write({ web: { image: 'rekeyed', build: '.' } }, { environments });
  const git = (...words: readonly string[]) =>
    exec('git', ['-C', folder, '-c', 'user.name=me', '-c', 'user.email=me@here', ...words]);
  await git('init', '--quiet');
  await git('add', 'Dockerfile', 'oneclick.yml', 'data');
  await git('commit', '--quiet', '--message', 'one');
  return project;
}

test.each(rows)('RekeyLimit $limit during transfers of $size bytes in both directions', async (row) => {
  const inject = `echo 'RekeyLimit ${row.limit}' >${setting}; ${restartSshd}`;
  const data = randomBytes(row.size);
  const project = await createProject(data);
  const copy = (from: string, to: string) =>
    succeeds(project.start('cp', '--env', 'pair', '--host', 'sandbox-1', from, to));
  try {
    for (const machine of everyMachine) await sandbox.inside(machine, 'sh', '-c', inject);
    await succeeds(project.start('deploy', '--build', '--push-over-ssh', '--env', 'pair', '--batch', 'all'));
    for (const machine of everyMachine) expect(await project.serving(machine)).toHaveLength(1);
    await Promise.all([copy('web:/data', 'down'), copy('data', 'web:/tmp/up')]);
    expect(sha256(await readFile(join(project.folder, 'down')))).toBe(sha256(data));
    await copy('web:/tmp/up', 'up');
    expect(sha256(await readFile(join(project.folder, 'up')))).toBe(sha256(data));
  } finally {
    for (const machine of everyMachine)
      await sandbox.inside(machine, 'sh', '-c', `rm ${setting}; ${restartSshd}`);
  }
});
