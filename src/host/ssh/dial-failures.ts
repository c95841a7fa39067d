import { Failure } from '../../domain/failure.js';
import type { SshTarget } from './config.js';
import type { KnownKeys } from './known-hosts.js';

/** An error that a retry may fix. */
export class TransientError extends Error {}

export const endpoint = ({ address, port }: SshTarget) => `${address}:${port}`;

/** Converts an error of ssh2 while connecting or logging in. */
export function handshakeFailure(
  target: SshTarget,
  known: KnownKeys,
  tried: readonly string[],
  error: unknown,
): Error {
  const { message, level } = error as Error & { level?: string };
  if (level === 'client-authentication') return authFailure(target, tried, error);
  if (level === 'agent') return authFailure(target, [...tried, `(agent: ${message})`], error);
  if (/no matching host key format/.test(message)) return known.noMatchingKey();
  if ((level === 'handshake' || level === 'protocol') && !/lost before/.test(message))
    return unreachable(target, `SSH handshake with ${endpoint(target)} failed: ${message}`, undefined, error);
  return new TransientError(message);
}

/** Returns the failure of a login that no key was accepted for. */
export function authFailure(target: SshTarget, tried: readonly string[], cause?: unknown): Failure {
  const keys = tried.length === 0 ? 'no key found' : `tried ${tried.join(', ')}`;
  const login = `${target.user}@${target.address}`;
  return new Failure('access', 'host.auth', `cannot log in to ${target.name} as ${target.user}: ${keys}`, {
    host: target.name,
    hint:
      tried.length === 0
        ? 'start an agent and `ssh-add` a key, or set `ssh: key:`'
        : `check the user, or install your key: ssh-copy-id ${target.port === 22 ? '' : `-p ${target.port} `}${login}`,
    cause,
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
    undefined,
    error,
  );
}

/** Returns the failure of a host that cannot be reached, through `bastion` if given. */
export function unreachable(
  target: SshTarget,
  message: string,
  bastion?: SshTarget,
  cause?: unknown,
): Failure {
  const through = bastion === undefined ? '' : `-J ${bastion.user}@${bastion.address} `;
  return new Failure('unreachable', 'host.unreachable', `${target.name}: ${message}`, {
    host: target.name,
    hint: `try: ssh ${through}-p ${target.port} ${target.user}@${target.address}`,
    cause,
  });
}
