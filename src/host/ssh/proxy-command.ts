import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { HostAddress } from '../../domain/environment.js';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';

/** A command whose standard input and output connect to the host. */
export interface ProxyCommand {
  /** Path of the shell that runs it. */
  readonly shell: string;
  /** The command with its tokens expanded. */
  readonly line: string;
}

/** The values of the tokens of a ProxyCommand. */
export interface ProxyTokens {
  /** `%h`: the host name after `HostName`. */
  readonly host: string;
  /** `%n`: the host name as given. */
  readonly given: string;
  /** `%k`: the host key alias, if set. */
  readonly keyAlias?: string;
  /** `%p` */
  readonly port: number;
  /** `%r` */
  readonly user: string;
}

/**
 * Throws a failure of kind `usage` if OpenSSH refuses the address or the user as unsafe: both may end up in a shell
 * command, through tokens of a ProxyCommand or `Match exec`. See ssh_valid_hostname and ssh_valid_ruser of OpenSSH.
 */
export function checkNames({ name, address, user }: HostAddress): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for.
  if (/^-|['`"$\\;&<>|(){},\s\u0000-\u001f\u007f]/.test(address))
    throw unsafe(name, `not a host name: ${JSON.stringify(address)}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for.
  if (user !== undefined && /^-|['`";&<>|(){}\u0000-\u001f\u007f]|\s-|\\$/.test(user))
    throw unsafe(name, `not a user name: ${JSON.stringify(user)}`);
}

function unsafe(host: string, message: string): Failure {
  return new Failure('usage', 'ssh.name', message, { host, hint: 'ssh refuses it too; check the address' });
}

/** Expands the tokens as `ssh` does. Throws a failure of kind `usage` for an unknown token. */
export function expandProxyCommand(host: string, command: string, tokens: ProxyTokens): string {
  const { given: name, keyAlias = name, port, user } = tokens;
  const values: Readonly<Record<string, string>> = {
    '%': '%',
    h: tokens.host,
    k: keyAlias,
    n: name,
    p: String(port),
    r: user,
  };
  return command.replace(/%([\s\S]?)/g, (token, letter: string) => {
    const value = values[letter];
    if (value !== undefined) return value;
    throw new Failure('usage', 'ssh.config', `unknown token ${token} in the ProxyCommand of ${host}`, {
      host,
      hint: 'use %h, %k, %n, %p and %r; write %% for a percent sign',
    });
  });
}

/** The part of standard error to keep. Characters */
const outputLimit = 8192;
const evidenceLines = 5;
const interpreterCodes: readonly number[] = [126, 127];

/** A running ProxyCommand. */
export class ProxyProcess {
  readonly stream: Duplex;
  /** Resolves when it has exited, with its exit code; undefined if a signal ended it. */
  readonly ended: Promise<number | undefined>;
  #stderr = '';

  /** Runs without a terminal in a session of its own, so that Ctrl-C does not cut the connection. */
  constructor({ shell, line }: ProxyCommand) {
    const child = spawn(shell, ['-c', `exec ${line}`], { stdio: 'pipe', detached: true });
    this.stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
    this.stream.on('error', () => undefined);
    this.stream.once('close', () => endGroup(child.pid));
    child.stderr.on('data', (data: Buffer) => {
      this.#stderr = (this.#stderr + data.toString()).slice(-outputLimit);
    });
    // A process that it left behind may keep standard error open.
    child.once('exit', () => setImmediate(() => setImmediate(() => child.stderr.destroy())));
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#stderr += error.message;
        resolve(127);
      });
      child.once('close', (code) => resolve(code ?? undefined));
    });
  }

  /** The last lines of its standard error. */
  get evidence(): readonly string[] {
    const lines = this.#stderr.split(/\r?\n/).filter((line) => line.trim() !== '');
    return lines.slice(-evidenceLines).map((line) => line.slice(0, 500));
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // All its processes have exited.
  }
}

/** Returns the failure of a ProxyCommand that exited with `code`. */
export function proxyFailure(
  host: string,
  code: number,
  { evidence }: ProxyProcess,
  cause: unknown,
): Failure {
  const last = evidence.at(-1);
  return new Failure(
    'unreachable',
    'host.unreachable',
    `${host}: its ProxyCommand exited with code ${code}${last === undefined ? '' : `: ${last}`}`,
    {
      host,
      ...given({ evidence: evidence.length > 1 ? evidence : undefined, cause }),
      hint: `check \`ProxyCommand\` in your ssh configuration${interpreterCodes.includes(code) ? '; its program cannot be run' : ''}`,
    },
  );
}

/** Whether the shell could not start the command, so that a retry has no chance. */
export const couldNotStart = (code: number): boolean => interpreterCodes.includes(code);
