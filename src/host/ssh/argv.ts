import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { HostAddress } from '../../domain/environment.js';
import { needsNoQuotes, quote } from '../../domain/shell.js';
import { resolveTarget, type SshEnvironment, type SshTarget } from './config.js';

/**
 * Returns the arguments for `ssh` to connect to a host as oneclick does: with the same user, port, keys, host keys and
 * bastions. Other settings of `~/.ssh/config` also apply. Throws as {@link resolveTarget} does.
 */
export async function sshArguments(
  address: HostAddress,
  environment: SshEnvironment,
): Promise<readonly string[]> {
  const target = await resolveTarget(address, environment);
  return [...options(target, configuration(environment)), '--', address.address];
}

/**
 * Returns the arguments for an `ssh` that serves a control socket and never prompts. `bastion` is the control socket of a
 * connection to the jump host. Overrides settings of `~/.ssh/config` that weaken the verification of host keys, run
 * something or forward something.
 */
export function masterArguments(
  target: SshTarget,
  { environment, control, keepalive, bastion }: MasterOptions,
): readonly string[] {
  const own: readonly (readonly [string, string])[] = [
    ['BatchMode', 'yes'],
    ['NoHostAuthenticationForLocalhost', 'no'],
    ['UpdateHostKeys', 'no'],
    ['ControlMaster', 'yes'],
    ['ControlPath', quoted(control)],
    ['ControlPersist', 'no'],
    ['ServerAliveInterval', String(Math.max(1, Math.ceil(keepalive / 1000)))],
    ['ServerAliveCountMax', '3'],
    ['RemoteCommand', 'none'],
    ['RequestTTY', 'no'],
    ['PermitLocalCommand', 'no'],
    ['ClearAllForwardings', 'yes'],
    ['ExitOnForwardFailure', 'no'],
    ['ForwardAgent', 'no'],
    ['ForwardX11', 'no'],
    ['Tunnel', 'no'],
    ['LogLevel', 'DEBUG1'],
  ];
  const through = bastion === undefined ? target : withoutJump(target);
  return [
    ...['-N', '-T', ...own.flatMap(([name, value]) => ['-o', `${name}=${value}`])],
    ...(bastion === undefined ? [] : ['-o', `ProxyCommand=${controlCommand(bastion)}`]),
    ...options(through, configuration(environment)),
    ...['--', target.given],
  ];
}

/** The environment and sockets of {@link masterArguments}. */
export interface MasterOptions {
  readonly environment: SshEnvironment;
  /** Path of its control socket. */
  readonly control: string;
  /** ms */
  readonly keepalive: number;
  readonly bastion?: string;
}

function withoutJump({ jump: _, ...target }: SshTarget): SshTarget {
  return target;
}

/** Without its control socket `ssh` would connect by itself: `false` prevents that. */
function controlCommand(control: string): string {
  return proxyCommand(['-F', '/dev/null', '-o', 'ProxyCommand=false', '-S', control, '--', 'bastion']);
}

/**
 * Returns short `ssh` arguments with the project's own settings only; `ssh` finds the rest in `~/.ssh/config`, the agent
 * and known_hosts.
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

/** ProxyJump supports only a user and a port; other bastions need a ProxyCommand. */
function plainJump(bastion: HostAddress): readonly string[] {
  const { port, ...rest } = bastion;
  if (plainOptions(rest).length > 0)
    return ['-o', `ProxyCommand=${proxyCommand([...plainOptions(bastion), loginOf(bastion)])}`];
  const { address } = bastion;
  const login = loginOf({ ...bastion, address: address.includes(':') ? `[${address}]` : address });
  return ['-J', port === undefined ? login : `${login}:${port}`];
}

/** `ssh` ignores HOME and uses the home directory of the password file. */
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

/** ssh's own ProxyJump would use neither the bastion's key nor its known_hosts. */
function jumpCommand(jump: SshTarget, config: readonly string[]): string {
  return proxyCommand([...options(jump, config), '--', jump.given]);
}

/** `ssh` expands percent signs in a ProxyCommand and passes it to a shell. */
function proxyCommand(argv: readonly string[]): string {
  const quotedArgs = argv.map((arg) => quote(arg).replaceAll('%', '%%'));
  return ['ssh', '-W', "'[%h]:%p'", ...quotedArgs].join(' ');
}

const isPlain = (path: string) => needsNoQuotes(path) && !/[% ]/.test(path);

const plainPath = (path: string) => (isPlain(path) ? path : quoted(path));

/** Quotes a path for ssh's configuration. */
function quoted(path: string): string {
  return `"${escaped(path)}"`;
}

const escaped = (text: string) => text.replaceAll('%', '%%');
