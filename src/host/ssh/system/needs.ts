import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { Failure } from '../../../domain/failure.js';
import type { SshEnvironment, SshTarget } from '../config.js';
import type { Keyring } from '../keys.js';
import { keyOwner, readKnownKeys } from '../known-hosts.js';
import { byte, PacketReader, PacketSocket } from './packets.js';

/**
 * Returns whether only the system's `ssh` can connect to a host: because of certificates, security keys, Kerberos or a
 * setting that ssh2 does not support, also of a jump host.
 */
export async function needsSystem(
  target: SshTarget,
  keyring: Keyring,
  environment: SshEnvironment,
): Promise<boolean> {
  if (target.needsSystem) return true;
  if (target.jump !== undefined && (await needsSystem(target.jump, keyring, environment))) return true;
  const own = target.keys.filter(({ required }) => required);
  const reasons = [
    ...target.keys.map(({ path }) => exists(`${path}-cert.pub`)),
    ...own.map(({ path }) => isSecurityKey(path)),
    dependsOnAuthority(target),
  ];
  if (await some(reasons)) return true;
  const methods = await keyring.loginMethods(target).catch((error: unknown) => {
    if (error instanceof Failure) return undefined;
    throw error;
  });
  return methods?.ready.length === 0 && systemCanTry(target, environment);
}

/** Returns whether the system's `ssh` can log in to a host in ways that ssh2 cannot. */
export async function systemCanTry(target: SshTarget, environment: SshEnvironment): Promise<boolean> {
  const agent = target.agent === undefined ? [] : await agentKeyTypes(target.agent).catch(() => []);
  if (agent.some(isUnsupported)) return true;
  if (await some(target.keys.map(({ path }) => isSecurityKey(path)))) return true;
  return target.gssapi && hasTicket(environment);
}

/** Key types that ssh2 cannot use: certificates and security keys. */
const isUnsupported = (type: string) => /-cert-v\d\d@|^sk-|^webauthn-/.test(type);

/** Whether known_hosts has an authority for the host, but no key. */
async function dependsOnAuthority(target: SshTarget): Promise<boolean> {
  const known = await readKnownKeys(keyOwner(target), target.knownHosts);
  return known.hasAuthority && known.algorithms() === undefined;
}

/** Private keys of OpenSSH name their type in clear, also if they are encrypted. */
async function isSecurityKey(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(text)?.[1] ?? '';
  return /\0sk-(?:ssh|ecdsa)-/.test(Buffer.from(body, 'base64').toString('latin1'));
}

const listRequest = 11;
const listAnswer = 12;
/** ms */
const agentTimeout = 2000;

/** Returns the types of the agent's keys. Rejects without an agent. */
async function agentKeyTypes(path: string): Promise<readonly string[]> {
  const socket = connect(path);
  socket.setTimeout(agentTimeout, () => socket.destroy());
  const packets = new PacketSocket(socket);
  packets.send(byte(listRequest));
  try {
    const answer = await packets.next();
    if (answer.byte() !== listAnswer) return [];
    const types: string[] = [];
    for (let left = answer.uint32(); left > 0; left -= 1) {
      types.push(new PacketReader(answer.bytes()).text());
      answer.bytes();
    }
    return types;
  } finally {
    packets.close();
  }
}

/** Whether there is a Kerberos ticket. */
function hasTicket({ variables }: SshEnvironment): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('klist', ['-s'], { env: { ...variables }, timeout: 2000 }, (error) => resolve(error === null));
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const some = async (answers: readonly Promise<boolean>[]) => (await Promise.all(answers)).includes(true);
