import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { HostAddress } from '../../domain/environment.js';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import { checkNames, expandProxyCommand, type ProxyCommand } from './proxy-command.js';

/** The local settings that decide how to connect to hosts. */
export interface SshEnvironment {
  /** The home directory. */
  readonly home: string;
  /** The local user name, the default for hosts. */
  readonly user: string;
  /** Environment variables, such as `PATH` and `SSH_AUTH_SOCK`. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** The resolved settings for connecting to a host. */
export interface SshTarget {
  /** The host name in output. */
  readonly name: string;
  /** The address as configured, which selects the settings of `~/.ssh/config`. */
  readonly given: string;
  /** The address after `HostName`. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** The name in known_hosts files, if it is not the address. */
  readonly keyAlias?: string;
  readonly keys: readonly KeyFile[];
  /** Whether to skip the agent's other keys. */
  readonly onlyTheseKeys: boolean;
  /** Path of the agent's socket. */
  readonly agent?: string;
  /** Files with known host keys; new keys are added to the first. */
  readonly knownHosts: readonly string[];
  /** Whether the address names the file, instead of the user's ssh configuration. */
  readonly hasOwnKnownHosts?: true;
  readonly hostKeys: HostAddress['hostKeys'];
  /** The jump host. */
  readonly jump?: SshTarget;
  readonly proxyCommand?: ProxyCommand;
  /** Whether a setting needs the system's `ssh`. */
  readonly needsSystem: boolean;
  /** Whether to log in with Kerberos. */
  readonly gssapi: boolean;
}

/** A private key file; it must exist if `required`. */
export interface KeyFile {
  readonly path: string;
  readonly required: boolean;
}

/** The output of `ssh -G`, by name in lower case. */
type Settings = ReadonlyMap<string, readonly string[]>;

const maxJumps = 8;
const defaultKeys = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** Settings of ssh_config(5) that only the system's `ssh` supports. */
const systemSettings = ['certificatefile', 'pkcs11provider', 'knownhostscommand', 'proxyusefdpass'];
const isSet = (value: string | undefined) => value !== undefined && value !== 'none' && value !== 'no';

/**
 * Resolves the settings for a host: those of the address first, then the user's ssh configuration, then defaults. Throws
 * a failure of kind `usage` if `ssh` cannot read its configuration, or refuses the address or the user.
 */
export async function resolveTarget(
  address: HostAddress,
  environment: SshEnvironment,
  depth = 0,
): Promise<SshTarget> {
  if (depth > maxJumps)
    throw new Failure('usage', 'ssh.jumps', `${address.name} is behind more than ${maxJumps} jump hosts`);
  checkNames(address);
  const settings = await readSshConfig(address, environment);
  const first = (key: string) => settings.get(key)?.[0];
  const host = first('hostname') ?? address.address;
  const port = address.port ?? Number(first('port') ?? 22);
  const user = address.user ?? first('user') ?? environment.user;
  const path = (text: string) =>
    expand(text, { home: environment.home, host, port, user, local: environment.user });
  const files = (key: string) => (settings.get(key) ?? []).flatMap((line) => line.split(/\s+/)).map(path);
  const configured = (settings.get('identityfile') ?? []).map(path);
  const names = configured.length > 0 ? configured : defaultKeys.map((name) => path(`~/.ssh/${name}`));
  const known = files('userknownhostsfile');
  const agent = agentSocket(first('identityagent'), environment, path);
  const alias = first('hostkeyalias');
  const jump = await resolveJump(address, first('proxyjump'), environment, depth);
  const command = jump === undefined ? first('proxycommand') : undefined;
  const tokens = { host, given: address.address, port, user, ...given({ keyAlias: alias }) };
  const proxyCommand: ProxyCommand | undefined =
    command === undefined || command === 'none'
      ? undefined
      : {
          shell: environment.variables.SHELL || '/bin/sh',
          line: expandProxyCommand(address.name, command, tokens),
        };
  return {
    name: address.name,
    given: address.address,
    address: host,
    port,
    user,
    ...given({ keyAlias: alias }),
    keys:
      address.key === undefined
        ? names.map((name) => ({ path: name, required: false }))
        : [{ path: path(address.key), required: true }],
    onlyTheseKeys: first('identitiesonly') === 'yes',
    ...given({ agent }),
    knownHosts:
      address.knownHosts === undefined
        ? [...(known.length > 0 ? known : [path('~/.ssh/known_hosts')]), ...files('globalknownhostsfile')]
        : [path(address.knownHosts)],
    ...(address.knownHosts === undefined ? {} : { hasOwnKnownHosts: true as const }),
    hostKeys: address.hostKeys,
    ...given({ jump }),
    ...given({ proxyCommand }),
    needsSystem: address.transport === 'system' || systemSettings.some((key) => isSet(first(key))),
    gssapi: first('gssapiauthentication') === 'yes',
  };
}

/** Returns the last jump host, with those before it. */
async function resolveJump(
  address: HostAddress,
  proxyJump: string | undefined,
  environment: SshEnvironment,
  depth: number,
): Promise<SshTarget | undefined> {
  if (address.bastion !== undefined) return resolveTarget(address.bastion, environment, depth + 1);
  if (proxyJump === undefined || proxyJump === 'none') return undefined;
  let last: HostAddress | undefined;
  for (const hop of proxyJump.split(',')) last = jumpAddress(hop.trim(), address, last);
  return last === undefined ? undefined : resolveTarget(last, environment, depth + 1);
}

/** Parses a ProxyJump value: `[user@]host[:port]` or `ssh://[user@]host[:port]`. */
function jumpAddress(hop: string, address: HostAddress, bastion: HostAddress | undefined): HostAddress {
  const parts = /^(?:ssh:\/\/)?(?:(.+)@)?(\[[^\]]+\]|[^:]+)(?::(\d+))?\/?$/.exec(hop);
  const [, user, host, port] = parts ?? [];
  if (host === undefined)
    throw new Failure('usage', 'ssh.config', `cannot read the ProxyJump of ${address.name}: ${hop}`);
  return {
    name: host,
    address: host.replace(/^\[|\]$/g, ''),
    ...given({ user }),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...given({ knownHosts: address.knownHosts, transport: address.transport }),
    hostKeys: address.hostKeys,
    ...given({ bastion }),
  };
}

/** Runs `ssh -G`; returns nothing without a configuration or without `ssh`. */
async function readSshConfig(address: HostAddress, environment: SshEnvironment): Promise<Settings> {
  const file = join(environment.home, '.ssh', 'config');
  if (!(await exists(file)) && !(await exists('/etc/ssh/ssh_config'))) return new Map();
  // `ssh` ignores HOME and uses the home directory of the password file.
  const own =
    environment.home === userInfo().homedir ? [] : ['-F', (await exists(file)) ? file : '/dev/null'];
  const user = address.user === undefined ? [] : ['-l', address.user];
  const port = address.port === undefined ? [] : ['-p', String(address.port)];
  const argv = ['-G', ...own, ...user, ...port, '--', address.address];
  return new Promise((resolve, reject) => {
    execFile('ssh', argv, { env: { ...environment.variables }, timeout: 5000 }, (error, stdout, stderr) => {
      if (error === null) resolve(readSettings(stdout));
      else if (error.code === 'ENOENT') resolve(new Map());
      else
        reject(
          new Failure(
            'usage',
            'ssh.config',
            `ssh cannot read its configuration: ${stderr.trim() || error.message}`,
            {
              host: address.name,
            },
          ),
        );
    });
  });
}

function readSettings(text: string): Settings {
  const settings = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space < 0) continue;
    const key = line.slice(0, space).toLowerCase();
    settings.set(key, [...(settings.get(key) ?? []), line.slice(space + 1).trim()]);
  }
  return settings;
}

function agentSocket(
  setting: string | undefined,
  { variables }: SshEnvironment,
  path: (text: string) => string,
): string | undefined {
  if (setting === 'none') return undefined;
  if (setting === undefined || setting === 'SSH_AUTH_SOCK') return variables.SSH_AUTH_SOCK || undefined;
  return setting.startsWith('$') ? variables[setting.replace(/^\$\{?|\}$/g, '')] : path(setting);
}

interface Tokens {
  readonly home: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly local: string;
}

/** Expands `~` and the tokens of ssh_config(5) in a file name. */
function expand(text: string, { home, host, port, user, local }: Tokens): string {
  const tokens: Record<string, string> = { d: home, h: host, p: String(port), r: user, u: local, '%': '%' };
  const { homedir } = userInfo();
  // ssh has already expanded some `~` to the password file's home.
  return (text.startsWith(`${homedir}/`) ? `~${text.slice(homedir.length)}` : text)
    .replace(/^~(?=\/|$)/, () => home)
    .replace(/%([dhpru%])/g, (_, letter: string) => tokens[letter] ?? '');
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
