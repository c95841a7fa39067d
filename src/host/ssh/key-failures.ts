import { existsSync, readFileSync } from 'node:fs';
import { Failure, type FailureDetails } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import { commandLine, word } from '../../domain/shell.js';
import type { SshTarget } from './config.js';
import {
  fingerprint,
  hostPattern,
  type KeyStatus,
  type KnownKeys,
  keyOwner,
  keyType,
} from './known-hosts.js';
import { acceptKeyCommand } from './login-command.js';

/** Returns the failure of an untrusted key, or undefined if it is known. */
export function keyFailure(target: SshTarget, key: Buffer, status: KeyStatus): Failure | undefined {
  const { name: host } = target;
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
      const message = `the host key of ${host} changed to ${presented}; ${file}:${line} has ${fingerprint(known)} (${type})`;
      return keyChanged(target, message, { at: status.at });
    }
    case 'unknown':
      return keyUnknown(target, `the host key of ${host} is unknown: ${presented}`);
  }
}

/** Returns the failure of a host without a key of a known type. */
export function noMatchingKey(target: SshTarget, known: KnownKeys): Failure {
  const at = known.first;
  const has = at === undefined ? '' : `; ${at.file}:${at.line} has ${fingerprint(at.key)} (${at.type})`;
  return keyChanged(target, `${target.name} no longer has a host key of a known type${has}`, given({ at }));
}

/** The line of a known_hosts file that has another key. */
interface Place {
  readonly file: string;
  readonly line: number;
  readonly names?: string;
}

/** Returns the failure of a host whose key is not the known one at a place. */
export function keyChanged(
  target: SshTarget,
  message: string,
  { at, evidence }: { readonly at?: Place; readonly evidence?: readonly string[] } = {},
): Failure {
  const hint = `this may be an attack; only if the host was reinstalled, ${removal(target, at)}`;
  return new Failure('access', 'host.key-changed', message, {
    ...{ host: target.name, hint },
    ...given({ evidence }),
  });
}

function removal(target: SshTarget, at: Place | undefined): string {
  // ssh-keygen does not remove patterns.
  const names = at === undefined ? '' : namesAt(at);
  if (/[*?!]/.test(names)) return `delete line ${at?.line} of ${at?.file}, which is for ${names}`;
  const file = at?.file ?? target.knownHosts[0];
  const where = file === undefined ? [] : ['-f', file];
  return `run: ${commandLine(['ssh-keygen', '-R', hostPattern(keyOwner(target)), ...where])}`;
}

/** The host patterns of the line; empty if it cannot be read. */
function namesAt({ file, line, names }: Place): string {
  if (names !== undefined) return names;
  try {
    return readFileSync(file, 'utf8').split('\n')[line - 1]?.trim().split(/\s+/)[0] ?? '';
  } catch {
    return '';
  }
}

/** Returns the failure of a host without a known key. */
export function keyUnknown(
  target: SshTarget,
  message: string,
  details: Pick<FailureDetails, 'evidence'> = {},
): Failure {
  return new Failure('access', 'host.key-unknown', message, {
    ...{ host: target.name, hint: acceptance(target) },
    ...details,
  });
}

function acceptance(target: SshTarget): string {
  const { address, port, keyAlias, jump, proxyCommand, knownHosts } = target;
  const [file = '~/.ssh/known_hosts'] = knownHosts;
  if (file === '/dev/null')
    return 'ssh is configured to keep host keys in /dev/null: set `known_hosts:` to a file with the key of the host';
  const isDirect = jump === undefined && proxyCommand === undefined && keyAlias === undefined;
  const scan = commandLine(['ssh-keyscan', ...(port === 22 ? [] : ['-p', String(port)]), address]);
  // ssh-keyscan knows neither bastions nor aliases.
  const command = isDirect ? `${scan} >> ${word(file)}` : acceptKeyCommand(target, file);
  return `compare the fingerprint with the host's, then accept it: \`${command}\`, or set \`host_keys: accept-new\``;
}

/** Returns the known_hosts files of a target that exist, for messages. */
export function knownHostsText({ knownHosts }: SshTarget): string {
  const present = knownHosts.filter((file) => existsSync(file));
  return (present.length > 0 ? present : knownHosts.slice(0, 1)).join(' or ');
}
