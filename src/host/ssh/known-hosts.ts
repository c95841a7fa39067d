import { createHash, createHmac } from 'node:crypto';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure } from '../../domain/failure.js';

/** A line of a known_hosts file: see "SSH_KNOWN_HOSTS FILE FORMAT" in sshd(8). */
interface Entry {
  readonly file: string;
  readonly line: number;
  readonly revoked: boolean;
  /** The names that it is about: patterns, or one hashed name. */
  readonly names: string;
  readonly type: string;
  readonly key: Buffer;
}

/** Whose key is looked up, as known_hosts files write it. */
export interface KeyOwner {
  /** For people: the name of the host. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

/** What the files say of a key. */
export type KeyStatus =
  | { readonly kind: 'known' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'revoked'; readonly at: Entry }
  | { readonly kind: 'changed'; readonly at: Entry };

const hostPattern = ({ address, port }: KeyOwner) => (port === 22 ? address : `[${address}]:${port}`);

/** The key's fingerprint as `ssh` prints it: `SHA256:…`. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a public key's blob names: `ssh-ed25519`. */
export function keyType(key: Buffer): string {
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

/** The keys of a host in one or more known_hosts files. */
export class KnownKeys {
  readonly #owner: KeyOwner;
  readonly #entries: readonly Entry[];

  constructor(owner: KeyOwner, files: readonly { readonly file: string; readonly text: string }[]) {
    this.#owner = owner;
    const name = hostPattern(owner);
    this.#entries = files
      .flatMap(({ file, text }) => entries(file, text))
      .filter((e) => covers(e.names, name));
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

  /**
   * The signature algorithms to ask the host for, so that it shows a key that can be compared; undefined when no
   * key of it is known.
   */
  algorithms(): string[] | undefined {
    const types = new Set(this.#entries.filter((entry) => !entry.revoked).map((entry) => entry.type));
    const offered = [...types].flatMap((type) =>
      type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [type],
    );
    return offered.length === 0 ? undefined : offered;
  }

  /** The failure of a host that shows none of the kinds of key that are known of it. */
  noMatchingKey(): Failure {
    const at = this.#entries.find((entry) => !entry.revoked);
    const where = at === undefined ? '' : `; ${at.file}:${at.line} has ${fingerprint(at.key)} (${at.type})`;
    return this.#changed(`${this.#owner.host} no longer shows a host key of a known kind${where}`);
  }

  /** The failure to throw for a key that is not known; undefined for one that is. */
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
          `the key that ${host} shows, ${presented}, is revoked in ${status.at.file}:${status.at.line}`,
          { host, hint: 'Do not connect before the host has a new key.' },
        );
      case 'changed': {
        const { file, line, type, key: known } = status.at;
        return this.#changed(
          `the host key of ${host} has changed: it shows ${presented}, ${file}:${line} has ${fingerprint(known)} (${type})`,
        );
      }
      case 'unknown':
        return new Failure(
          'access',
          'host.key-unknown',
          `the host key of ${host} is not known: ${presented}`,
          {
            host,
            hint: `Compare the fingerprint with the machine's, then accept it: \`ssh-keyscan ${
              this.#owner.port === 22 ? '' : `-p ${this.#owner.port} `
            }${this.#owner.address} >> ~/.ssh/known_hosts\`, or set \`host_keys: accept-new\`.`,
          },
        );
    }
  }

  #changed(message: string): Failure {
    return new Failure('access', 'host.key-changed', message, {
      host: this.#owner.host,
      hint: `Somebody may be listening in. Only if the machine was set up anew: \`ssh-keygen -R '${hostPattern(this.#owner)}'\`, then connect again.`,
    });
  }
}

/** Reads what these files, as far as they exist, know of the host. */
export async function readKnownKeys(owner: KeyOwner, files: readonly string[]): Promise<KnownKeys> {
  const read = async (file: string) => ({ file, text: await readFile(file, 'utf8').catch(() => '') });
  return new KnownKeys(owner, await Promise.all(files.map(read)));
}

/** Remembers the key of a host that was not known; a new file is for its owner alone. */
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
    // Certificates of hosts are not supported, so their authorities say nothing.
    if (marker !== undefined && marker !== '@revoked') return [];
    return [
      { file, line: index + 1, revoked: marker === '@revoked', names, type, key: Buffer.from(key, 'base64') },
    ];
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
