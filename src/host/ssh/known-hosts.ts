import { createHash, createHmac } from 'node:crypto';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SshTarget } from './config.js';

/** A line of a known_hosts file: see "SSH_KNOWN_HOSTS FILE FORMAT" in sshd(8). */
export interface Entry {
  readonly file: string;
  readonly line: number;
  readonly revoked: boolean;
  /** Whether the key is that of an authority, which signs the keys of hosts. */
  readonly authority: boolean;
  /** Host patterns, or one hashed name. */
  readonly names: string;
  readonly type: string;
  readonly key: Buffer;
}

/** A host to look up in known_hosts files. */
export interface KeyOwner {
  readonly address: string;
  readonly port: number;
}

/** The status of a host key. */
export type KeyStatus =
  | { readonly kind: 'known' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'revoked'; readonly at: Entry }
  | { readonly kind: 'changed'; readonly at: Entry };

/** Returns the name under which known_hosts files list a target. */
export const keyOwner = ({ keyAlias, address, port }: SshTarget): KeyOwner => ({
  address: keyAlias ?? address,
  port: keyAlias === undefined ? port : 22,
});

/** Returns the name as known_hosts files write it: `web.example.org` or `[web.example.org]:2222`. */
export const hostPattern = ({ address, port }: KeyOwner) => (port === 22 ? address : `[${address}]:${port}`);

/** Returns a key's fingerprint as `ssh` prints it: `SHA256:…`. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** Returns the type of a public key: `ssh-ed25519`. */
export function keyType(key: Buffer): string {
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

/** The known keys of a host. */
export class KnownKeys {
  readonly #entries: readonly Entry[];
  /** Whether an authority is known for the host. */
  readonly hasAuthority: boolean;

  constructor(owner: KeyOwner, files: readonly { readonly file: string; readonly text: string }[]) {
    const name = hostPattern(owner);
    const found = files
      .flatMap(({ file, text }) => entries(file, text))
      .filter((e) => covers(e.names, name) || (e.authority && covers(e.names, owner.address)));
    this.#entries = found.filter(({ authority }) => !authority);
    this.hasAuthority = found.length > this.#entries.length;
  }

  check(key: Buffer): KeyStatus {
    const same = this.#entries.filter((entry) => entry.key.equals(key));
    const revoked = same.find((entry) => entry.revoked);
    if (revoked !== undefined) return { kind: 'revoked', at: revoked };
    if (same.length > 0) return { kind: 'known' };
    const known = this.#entries.filter((entry) => !entry.revoked);
    const at = known.find((entry) => entry.type === keyType(key)) ?? known[0];
    return at === undefined ? { kind: 'unknown' } : { kind: 'changed', at };
  }

  /** Returns the signature algorithms of the known keys, or undefined if there are none. */
  algorithms(): string[] | undefined {
    const types = new Set(this.#entries.filter((entry) => !entry.revoked).map((entry) => entry.type));
    const offered = [...types].flatMap((type) =>
      type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [type],
    );
    return offered.length === 0 ? undefined : offered;
  }

  /** The first known key. */
  get first(): Entry | undefined {
    return this.#entries.find((entry) => !entry.revoked);
  }
}

/** Reads the host's keys from these files; skips missing files. */
export async function readKnownKeys(owner: KeyOwner, files: readonly string[]): Promise<KnownKeys> {
  const read = async (file: string) => ({ file, text: await readFile(file, 'utf8').catch(() => '') });
  return new KnownKeys(owner, await Promise.all(files.map(read)));
}

/** Adds a host key to a known_hosts file; creates the file with mode 600. */
export async function addKnownHost(owner: KeyOwner, key: Buffer, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const text = await readFile(file, 'utf8').catch(() => '');
  const start = text === '' || text.endsWith('\n') ? '' : '\n';
  await appendFile(file, `${start}${hostPattern(owner)} ${keyType(key)} ${key.toString('base64')}\n`, {
    mode: 0o600,
  });
}

function entries(file: string, text: string): Entry[] {
  return text.split(/\r?\n/).flatMap((raw, index): Entry[] => {
    const fields = raw.trim().split(/\s+/);
    const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
    const [names, type, key] = fields;
    if (names === undefined || names.startsWith('#') || type === undefined || key === undefined) return [];
    const [revoked, authority] = [marker === '@revoked', marker === '@cert-authority'];
    if (marker !== undefined && !revoked && !authority) return [];
    return [{ file, line: index + 1, revoked, authority, names, type, key: Buffer.from(key, 'base64') }];
  });
}

function covers(names: string, name: string): boolean {
  if (names.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = names.split('|');
    const digest = createHmac('sha1', Buffer.from(salt, 'base64')).update(name.toLowerCase()).digest();
    return digest.equals(Buffer.from(hash, 'base64'));
  }
  const patterns = names.split(',');
  const denied = patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1), name));
  return !denied && patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern, name));
}

function matches(pattern: string, name: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${escaped}$`, 'i').test(name);
}
