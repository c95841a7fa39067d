import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import type { SshTarget } from './config.js';
import { noMatchingKey } from './key-failures.js';
import type { KnownKeys } from './known-hosts.js';
import { copyKeyCommand, loginCommand } from './login-command.js';

/** An error that a retry may fix. */
export class TransientError extends Error {
  /** The failure to report once no retry is left. */
  readonly failure: Failure | undefined;
  constructor(message: string, failure?: Failure) {
    super(message);
    this.failure = failure;
  }
}

export const endpoint = ({ address, port }: SshTarget) => `${address}:${port}`;

/** Converts an error of ssh2 while connecting or logging in. */
export function handshakeFailure(
  target: SshTarget,
  known: KnownKeys,
  tried: readonly string[],
  error: unknown,
): Error {
  const { message, level } = error as Error & { level?: string };
  if (/too many authentication failures/i.test(message)) return tooManyKeys(target, tried.length, error);
  if (level === 'client-authentication') return authFailure(target, tried, error);
  if (level === 'agent') return authFailure(target, [...tried, `(agent: ${message})`], error);
  if (/no matching host key format/.test(message)) return noMatchingKey(target, known);
  if ((level === 'handshake' || level === 'protocol') && !/lost before/.test(message))
    return unreachable(target, `SSH handshake with ${endpoint(target)} failed: ${message}`, { cause: error });
  return new TransientError(message);
}

/** Returns the failure of a login that no key was accepted for. */
export function authFailure(target: SshTarget, tried: readonly string[], cause?: unknown): Failure {
  const keys = tried.length === 0 ? 'no key found' : `tried ${tried.join(', ')}`;
  return new Failure('access', 'host.auth', `cannot log in to ${target.name} as ${target.user}: ${keys}`, {
    host: target.name,
    hint:
      tried.length === 0
        ? 'start an agent and `ssh-add` a key, or set `ssh: key:`'
        : `check the user, or install your key: ${copyKeyCommand(target)}`,
    cause,
  });
}

/** Returns the failure of a server that ends the login after a number of keys (MaxAuthTries). */
export function tooManyKeys(target: SshTarget, tried: number, cause?: unknown): Failure {
  const message = `cannot log in to ${target.name} as ${target.user}: it ended the login after ${tried} ${tried === 1 ? 'key' : 'keys'}`;
  return new Failure('access', 'host.auth', message, {
    host: target.name,
    hint: 'name the key with `ssh: key:`, or set `IdentityFile` and `IdentitiesOnly yes` for this host in ~/.ssh/config',
    ...given({ cause }),
  });
}

/** Converts a socket error. */
export function socketFailure(target: SshTarget, error: NodeJS.ErrnoException): Error {
  const reasons: Record<string, string> = {
    ECONNREFUSED: 'refused the connection; is sshd running?',
    ETIMEDOUT: 'does not respond',
    EHOSTUNREACH: 'cannot be reached: no route',
    ENETUNREACH: 'cannot be reached: no network',
    ENOTFOUND: 'cannot be resolved',
  };
  if (error.code === 'EAI_AGAIN' || error.code === 'ECONNRESET') return new TransientError(error.message);
  return unreachable(
    target,
    `${endpoint(target)} ${reasons[error.code ?? ''] ?? `cannot be reached: ${error.message}`}`,
    { cause: error },
  );
}

interface UnreachableDetails {
  readonly evidence?: readonly string[];
  readonly cause?: unknown;
}

/** Returns the failure of a host that cannot be reached. */
export function unreachable(
  target: SshTarget,
  message: string,
  { evidence, cause }: UnreachableDetails = {},
): Failure {
  return new Failure('unreachable', 'host.unreachable', `${target.name}: ${message}`, {
    host: target.name,
    hint: `try: ${loginCommand(target)}`,
    ...given({ evidence, cause }),
  });
}
