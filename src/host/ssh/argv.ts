import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { HostAddress } from '../../domain/environment.js';
import { isBare, quote } from '../../domain/shell.js';
import { resolveTarget, type SshEnvironment, type SshTarget } from './config.js';

/**
 * The arguments with which the system's `ssh` reaches a host exactly as oneclick does: user, port, keys, host keys and
 * bastions are all decided. What else the person has in `~/.ssh/config` for the host holds too. Throws as
 * {@link resolveTarget} does.
 */
export async function sshArguments(
  address: HostAddress,
  environment: SshEnvironment,
): Promise<readonly string[]> {
  const target = await resolveTarget(address, environment);
  return [...options(target, configuration(environment)), '--', address.address];
}

/**
 * The same as a person would write it: what the project says of the host; the rest ssh finds where oneclick does, in
 * `~/.ssh/config`, the agent and known_hosts.
 */
export function plainSshArguments(address: HostAddress): readonly string[] {
  return [...plainOptions(address), loginOf(address)];
}

function plainOptions({ port, key, knownHosts, hostKeys, bastion }: HostAddress): readonly string[] {
  return [
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(key === undefined ? [] : isPlain(key) ? ['-i', key] : ['-o', `IdentityFile=${quoted(key)}`]),
    ...(knownHosts === undefined ? [] : ['-o', `UserKnownHostsFile=${plainPath(knownHosts)}`]),
    ...(hostKeys === 'known' ? [] : ['-o', 'StrictHostKeyChecking=accept-new']),
    ...(bastion === undefined ? [] : plainJump(bastion)),
  ];
}

const loginOf = ({ user, address }: HostAddress) => (user === undefined ? address : `${user}@${address}`);

/** A ProxyJump where the bastion needs no words of its own but user and port. */
function plainJump(bastion: HostAddress): readonly string[] {
  const { port, ...rest } = bastion;
  if (plainOptions(rest).length > 0)
    return ['-o', `ProxyCommand=${proxyCommand([...plainOptions(bastion), loginOf(bastion)])}`];
  const { address } = bastion;
  const login = loginOf({ ...bastion, address: address.includes(':') ? `[${address}]` : address });
  return ['-J', port === undefined ? login : `${login}:${port}`];
}

/** ssh looks for its configuration in the home directory of the password file, whatever HOME says. */
function configuration({ home }: SshEnvironment): readonly string[] {
  if (home === userInfo().homedir) return [];
  const file = join(home, '.ssh', 'config');
  return ['-F', existsSync(file) ? file : '/dev/null'];
}

function options(target: SshTarget, config: readonly string[]): readonly string[] {
  const { address, port, user, keys, knownHosts, hostKeys, keyAlias, agent, jump } = target;
  const settings: readonly (readonly [string, string | undefined])[] = [
    ['HostName', escaped(address)],
    ['HostKeyAlias', keyAlias],
    ...keys.map(({ path }) => ['IdentityFile', quoted(path)] as const),
    ['IdentitiesOnly', target.onlyTheseKeys ? 'yes' : 'no'],
    ['IdentityAgent', agent === undefined ? undefined : quoted(agent)],
    ['UserKnownHostsFile', knownHosts.map(quoted).join(' ')],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['StrictHostKeyChecking', hostKeys === 'accept-new' ? 'accept-new' : 'yes'],
    ['ProxyCommand', jump === undefined ? undefined : jumpCommand(jump, config)],
  ];
  return [
    ...config,
    ...['-p', String(port), '-l', user],
    ...settings.flatMap(([name, value]) => (value === undefined ? [] : ['-o', `${name}=${value}`])),
  ];
}

/** The way through a bastion. ssh's own ProxyJump would take neither the bastion's key nor its known_hosts. */
function jumpCommand(jump: SshTarget, config: readonly string[]): string {
  return proxyCommand([...options(jump, config), '--', jump.address]);
}

/** A ProxyCommand is for ssh to hand to a shell, so its words are quoted, and its percent signs doubled. */
function proxyCommand(argv: readonly string[]): string {
  const words = argv.map((word) => quote(word).replaceAll('%', '%%'));
  return ['ssh', '-W', "'[%h]:%p'", ...words].join(' ');
}

const isPlain = (path: string) => isBare(path) && !path.includes('%');

const plainPath = (path: string) => (isPlain(path) ? path : quoted(path));

/** A path as a word of ssh's configuration. */
function quoted(path: string): string {
  return `"${escaped(path)}"`;
}

const escaped = (text: string) => text.replaceAll('%', '%%');
