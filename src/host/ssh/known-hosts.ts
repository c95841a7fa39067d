import { createHash, createHmac } from 'node:crypto';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../../domain/failure.js';

/** A line of a known_hosts file: see "SSH_KNOWN_HOSTS FILE FORMAT" in sshd(8). */
interface Entry {
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
  /** The host name in messages. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

/** The status of a host key. */
export type KeyStatus =
  | { readonly kind: 'known' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'revoked'; readonly at: Entry }
  | { readonly kind: 'changed'; readonly at: Entry };

const hostPattern = ({ address, port }: KeyOwner) => (port === 22 ? address : `[${address}]:${port}`);

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
  readonly #owner: KeyOwner;
  readonly #entries: readonly Entry[];
  /** Whether an authority is known for the host. */
  readonly hasAuthority: boolean;

  constructor(owner: KeyOwner, files: readonly { readonly file: string; readonly text: string }[]) {
    this.#owner = owner;
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

  /** Returns the failure of a host without a key of a known type. */
  noMatchingKey(): Failure {
    const at = this.#entries.find((entry) => !entry.revoked);
    const known = at === undefined ? '' : `; ${at.file}:${at.line} has ${fingerprint(at.key)} (${at.type})`;
    return this.#changed(`${this.#owner.host} no longer has a host key of a known type${known}`);
  }

  /** Returns the failure of an untrusted key, or undefined if it is known. */
  failure(key: Buffer, status: KeyStatus): Failure | undefined {
    const { host } = this.#owner;
    const presented = `${fingerprint(key)} (${keyType(key)})`;
    switch (status.kind) {
      case 'known':
        return undefined;
      case 'revoked':
        return new Failure(
          'access',
          'host.key-revoked',
          `the host key of ${host}, ${presented}, is revoked in ${status.at.file}:${status.at.line}`,
          { host, hint: 'do not connect until the host has a new key' },
        );
      case 'changed': {
        const { file, line, type, key: known } = status.at;
        return this.#changed(
          `the host key of ${host} changed to ${presented}; ${file}:${line} has ${fingerprint(known)} (${type})`,
        );
      }
      case 'unknown':
        return new Failure('access', 'host.key-unknown', `the host key of ${host} is unknown: ${presented}`, {
          host,
          hint: `compare the fingerprint with the host's, then accept it: \`ssh-keyscan ${
            this.#owner.port === 22 ? '' : `-p ${this.#owner.port} `
          }${this.#owner.address} >> ~/.ssh/known_hosts\`, or set \`host_keys: accept-new\``,
        });
    }
  }

  #changed(message: string): Failure {
    return new Failure('access', 'host.key-changed', message, {
      host: this.#owner.host,
      hint: `this may be an attack; only if the host was reinstalled, run: ssh-keygen -R '${hostPattern(this.#owner)}'`,
    });
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
