import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import {
  ensureKey,
  environmentText,
  removeFiles,
  stateFiles,
  writeFiles,
} from '../../../src/sandbox/state.js';

const one = { name: 'sandbox-1', id: 'i-1', address: '10.213.0.11', hostKey: 'ssh-ed25519 AAAA' };

test('files are below XDG_STATE_HOME, else in the home folder', () => {
  expect(stateFiles({ XDG_STATE_HOME: '/s', HOME: '/h' }, 'default').environment).toBe(
    '/s/oneclick/environments/sandbox.yml',
  );
  expect(stateFiles({ HOME: '/h' }, 'mine')).toEqual({
    folder: '/h/.local/state/oneclick/sandbox/mine',
    key: '/h/.local/state/oneclick/sandbox/mine/key',
    publicKey: '/h/.local/state/oneclick/sandbox/mine/key.pub',
    knownHosts: '/h/.local/state/oneclick/sandbox/mine/known_hosts',
    log: '/h/.local/state/oneclick/sandbox/mine/endpoint.log',
    environment: '/h/.local/state/oneclick/environments/sandbox-mine.yml',
  });
});

test('the environment has the format of oneclick.yml', () => {
  const files = stateFiles({ XDG_STATE_HOME: '/s' }, 'default');
  const text = environmentText(files, [one], '127.0.0.1:5500');
  expect(text).toMatch(/^# Written by `oneclick sandbox up`/);
  expect(parse(text)).toEqual({
    hosts: { 'sandbox-1': { address: '10.213.0.11', port: 22, id: 'i-1' } },
    ssh: { user: 'deploy', key: files.key, known_hosts: files.knownHosts },
    registry: '127.0.0.1:5500',
  });
});

test('generates the key once, readable by its owner only, and removes all files', async () => {
  const home = await mkdtemp(join(tmpdir(), 'oneclick-test-'));
  try {
    const files = stateFiles({ XDG_STATE_HOME: home }, 'mine');
    const key = await ensureKey(files, 'mine');
    expect(key).toMatch(/^ssh-ed25519 \S+ oneclick sandbox mine$/);
    expect(await ensureKey(files, 'mine')).toBe(key);
    expect((await stat(files.key)).mode & 0o777).toBe(0o600);

    await writeFiles(files, [one], '127.0.0.1:5500');
    expect(await readFile(files.knownHosts, 'utf8')).toBe('10.213.0.11,sandbox-1 ssh-ed25519 AAAA\n');

    await removeFiles(files);
    await removeFiles(files);
    await expect(stat(files.folder)).rejects.toThrow('ENOENT');
    await expect(stat(files.environment)).rejects.toThrow('ENOENT');
  } finally {
    await rm(home, { recursive: true });
  }
});
