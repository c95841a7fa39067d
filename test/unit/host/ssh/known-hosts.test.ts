import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { addKnownHost, fingerprint, KnownKeys, readKnownKeys } from '../../../../src/host/ssh/known-hosts.js';

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
const web = { host: 'web-1', address: 'web.example.org', port: 22 };
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

describe('a host key that differs', () => {
  const known = new KnownKeys(web, [{ file: '/home/me/.ssh/known_hosts', text: `\n${line(web.address)}` }]);

  it('is rejected with file, line, both fingerprints and a command', () => {
    const failure = known.failure(other, known.check(other));
    expect(failure).toMatchObject({ kind: 'access', code: 'host.key-changed', host: 'web-1' });
    expect(failure?.message).toContain('/home/me/.ssh/known_hosts:2');
    expect(failure?.message).toContain(fingerprint(ed));
    expect(failure?.message).toContain(fingerprint(other));
    expect(failure?.hint).toContain("ssh-keygen -R 'web.example.org'");
  });

  it('counts as changed when it is of another type', () => {
    expect(known.check(rsa)).toMatchObject({ kind: 'changed' });
    expect(known.noMatchingKey()).toMatchObject({ code: 'host.key-changed' });
  });

  it('is rejected with its fingerprint and a command to accept it if the host is unknown', () => {
    const nothing = new KnownKeys({ ...web, port: 2222 }, []);
    const failure = nothing.failure(ed, nothing.check(ed));
    expect(failure).toMatchObject({ code: 'host.key-unknown' });
    expect(failure?.message).toContain(fingerprint(ed));
    expect(failure?.hint).toContain('ssh-keyscan -p 2222 web.example.org');
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
