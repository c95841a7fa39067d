import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { SshTarget } from '../../../../src/host/ssh/config.js';
import { keyFailure, noMatchingKey } from '../../../../src/host/ssh/key-failures.js';
import {
  addKnownHost,
  fingerprint,
  KnownKeys,
  keyOwner,
  readKnownKeys,
} from '../../../../src/host/ssh/known-hosts.js';

function key(type: string, secret: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(secret)]);
}

const ed = key('ssh-ed25519', 'one');
const other = key('ssh-ed25519', 'two');
const rsa = key('ssh-rsa', 'three');
const line = (names: string, blob = ed, type = 'ssh-ed25519') =>
  `${names} ${type} ${blob.toString('base64')}`;
const web = { address: 'web.example.org', port: 22 };
const judge = (text: string, owner = web, blob = ed) =>
  new KnownKeys(owner, [{ file: 'known_hosts', text }]).check(blob).kind;

describe('a host key is known', () => {
  it('by its plain name, in any case, among others and with a comment', () => {
    expect(judge(`# mine\n\n${line('db,WEB.example.org')} me@here`)).toBe('known');
  });

  it('by [host]:port and not by the name alone when the port is not 22', () => {
    const owner = { ...web, port: 2222 };
    expect(judge(line('[web.example.org]:2222'), owner)).toBe('known');
    expect(judge(line('web.example.org'), owner)).toBe('unknown');
  });

  it('by a hashed name', () => {
    const salt = Buffer.from('0123456789abcdefghij');
    const hash = createHmac('sha1', salt).update('web.example.org').digest('base64');
    expect(judge(line(`|1|${salt.toString('base64')}|${hash}`))).toBe('known');
    expect(judge(line(`|1|${salt.toString('base64')}|${hash}`), { ...web, address: 'db' })).toBe('unknown');
  });

  it('by a pattern, unless a negated one matches', () => {
    expect(judge(line('*.example.org'))).toBe('known');
    expect(judge(line('web.example.or?'))).toBe('known');
    expect(judge(line('*.example.org,!web.example.org'))).toBe('unknown');
  });

  it('not by a certificate authority, and never when revoked', () => {
    expect(judge(`@cert-authority ${line('*')}`)).toBe('unknown');
    expect(judge(`${line('*')}\n@revoked ${line('*')}`)).toBe('revoked');
  });
});

const file = '/home/me/.ssh/known_hosts';

function targetOf(more: Partial<SshTarget> = {}): SshTarget {
  const names = { name: 'web-1', given: 'web.example.org', address: 'web.example.org' };
  const login = { user: 'deploy', keys: [], onlyTheseKeys: false, gssapi: false };
  return {
    ...{ ...names, port: 22, ...login, knownHosts: [file], hostKeys: 'known', needsSystem: false },
    ...more,
  };
}

describe('a host key that differs', () => {
  const known = new KnownKeys(web, [{ file, text: `\n${line(web.address)}` }]);
  const removal = (owner: Partial<SshTarget>, text: string) => {
    const target = targetOf(owner);
    const keys = new KnownKeys(keyOwner(target), [{ file: '/etc/ssh/my hosts', text }]);
    return keyFailure(target, other, keys.check(other))?.hint;
  };

  it('is rejected with file, line, both fingerprints and a command for that file', () => {
    const failure = keyFailure(targetOf(), other, known.check(other));
    expect(failure).toMatchObject({ kind: 'access', code: 'host.key-changed', host: 'web-1' });
    expect(failure?.message).toContain('/home/me/.ssh/known_hosts:2');
    expect(failure?.message).toContain(fingerprint(ed));
    expect(failure?.message).toContain(fingerprint(other));
    expect(failure?.hint).toMatch(/run: ssh-keygen -R web.example.org -f \/home\/me\/.ssh\/known_hosts$/);
    expect(removal({ port: 2222 }, line('[web.example.org]:2222'))).toMatch(
      /run: ssh-keygen -R '\[web.example.org\]:2222' -f '\/etc\/ssh\/my hosts'$/,
    );
    expect(removal({ keyAlias: 'i-0123', port: 2222 }, line('i-0123'))).toMatch(/-R i-0123 -f '/);
    expect(removal({}, line('*.example.org'))).toMatch(
      /delete line 1 of \/etc\/ssh\/my hosts, which is for \*.example.org$/,
    );
  });

  it('counts as changed when it is of another type', () => {
    expect(known.check(rsa)).toMatchObject({ kind: 'changed' });
    expect(noMatchingKey(targetOf(), known)).toMatchObject({
      code: 'host.key-changed',
      hint: expect.stringContaining(`-f ${file}`),
    });
  });

  it('is rejected with its fingerprint and a command to accept it if the host is unknown', () => {
    const failure = keyFailure(targetOf({ port: 2222 }), ed, { kind: 'unknown' });
    expect(failure).toMatchObject({ code: 'host.key-unknown' });
    expect(failure?.message).toContain(fingerprint(ed));
    expect(failure?.hint).toContain(`\`ssh-keyscan -p 2222 web.example.org >> ${file}\``);
  });
});

describe('the command that accepts the key of a host', () => {
  const command = (more: Partial<SshTarget>) =>
    keyFailure(targetOf(more), ed, { kind: 'unknown' })?.hint?.split('`')[1];

  it('adds it to the file that oneclick reads', () => {
    expect(command({ knownHosts: ['/project/deploy/known hosts', '/etc/ssh/ssh_known_hosts'] })).toBe(
      "ssh-keyscan web.example.org >> '/project/deploy/known hosts'",
    );
    const hint = keyFailure(targetOf({ knownHosts: ['/dev/null'] }), ed, { kind: 'unknown' })?.hint;
    expect(hint).toMatch(/set `known_hosts:`/);
  });

  it('goes through the bastions of the host', () => {
    const jump = targetOf({ name: 'gate', given: 'gate', address: '203.0.113.7', port: 2222, user: 'ops' });
    expect(command({ jump, given: '10.0.0.5', address: '10.0.0.5' })).toBe(
      `ssh -o StrictHostKeyChecking=ask -o UserKnownHostsFile=${file} -J ops@gate:2222 deploy@10.0.0.5 exit`,
    );
    const own = { knownHosts: ['/p/known_hosts'], hasOwnKnownHosts: true as const };
    expect(command({ ...own, port: 2222, jump: { ...jump, ...own } })).toBe(
      `ssh -o StrictHostKeyChecking=ask -p 2222 -o UserKnownHostsFile=/p/known_hosts -o 'ProxyCommand=ssh -W '\\''[%h]:%p'\\'' '\\''-p'\\'' '\\''2222'\\'' '\\''-o'\\'' '\\''UserKnownHostsFile=/p/known_hosts'\\'' '\\''ops@gate'\\''' deploy@web.example.org exit`,
    );
  });

  it('uses the alias and the ProxyCommand of the ssh configuration', () => {
    const proxyCommand = { shell: '/bin/sh', line: 'connect web' };
    expect(command({ given: 'web', keyAlias: 'i-0123', proxyCommand })).toBe(
      `ssh -o StrictHostKeyChecking=ask -o HostKeyAlias=i-0123 -o UserKnownHostsFile=${file} deploy@web exit`,
    );
  });
});

describe('the requested host key algorithms', () => {
  const algorithms = (text: string) => new KnownKeys(web, [{ file: 'f', text }]).algorithms();

  it('are those of the known keys', () => {
    expect(algorithms(line('web.example.org', rsa, 'ssh-rsa'))).toEqual([
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-rsa',
    ]);
    expect(algorithms(line('*'))).toEqual(['ssh-ed25519']);
  });

  it('are undefined without a known key', () => {
    expect(algorithms(line('another'))).toBeUndefined();
    expect(algorithms(`@revoked ${line('*')}`)).toBeUndefined();
  });
});

it('saves an accepted key on its own line in a private file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'known-hosts-'));
  try {
    const file = join(folder, 'ssh', 'known_hosts');
    await addKnownHost({ ...web, port: 2222 }, ed, file);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await writeFile(file, (await readFile(file, 'utf8')).trimEnd());
    await addKnownHost(web, other, file);
    expect((await readKnownKeys({ ...web, port: 2222 }, [file])).check(ed).kind).toBe('known');
    expect((await readKnownKeys(web, [file, join(folder, 'none')])).check(other).kind).toBe('known');
  } finally {
    await rm(folder, { recursive: true });
  }
});
