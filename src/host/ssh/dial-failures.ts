import { Failure } from '../../domain/failure.js';
import type { SshTarget } from './config.js';
import type { KnownKeys } from './known-hosts.js';

/** What stops a try, and is likely to pass. */
export class TransientError extends Error {}

export const endpoint = ({ address, port }: SshTarget) => `${address}:${port}`;

/** What an error of ssh2, while it connects and logs in, means. */
export function handshakeFailure(
  target: SshTarget,
  known: KnownKeys,
  tried: readonly string[],
  error: unknown,
): Error {
  const { message, level } = error as Error & { level?: string };
  if (level === 'client-authentication') return authFailure(target, tried, error);
  if (level === 'agent') return authFailure(target, [...tried, `(the agent: ${message})`], error);
  if (/no matching host key format/.test(message)) return known.noMatchingKey();
  if ((level === 'handshake' || level === 'protocol') && !/lost before/.test(message))
    return unreachable(
      target,
      `${endpoint(target)} does not speak SSH as we do: ${message}`,
      undefined,
      error,
    );
  return new TransientError(message);
}

/** Nobody is let in. */
export function authFailure(target: SshTarget, tried: readonly string[], cause?: unknown): Failure {
  const with_ = tried.length === 0 ? 'there is no key to show it' : `it was shown ${tried.join(', ')}`;
  const login = `${target.user}@${target.address}`;
  return new Failure('access', 'host.auth', `${target.name} does not let ${target.user} in: ${with_}`, {
    host: target.name,
    hint:
      tried.length === 0
        ? 'Start an agent and `ssh-add` a key, or name one under `ssh: key:`.'
        : `\`ssh-copy-id ${target.port === 22 ? '' : `-p ${target.port} `}${login}\` puts your key there; check the user, too.`,
    cause,
  });
}

/** What an error of a socket means. */
export function socketFailure(target: SshTarget, error: NodeJS.ErrnoException): Error {
  const reasons: Record<string, string> = {
    ECONNREFUSED: 'refuses the connection: is sshd running there?',
    ETIMEDOUT: 'does not answer',
    EHOSTUNREACH: 'cannot be reached: no route',
    ENETUNREACH: 'cannot be reached: no network',
    ENOTFOUND: 'is not a name that can be resolved',
  };
  if (error.code === 'EAI_AGAIN' || error.code === 'ECONNRESET') return new TransientError(error.message);
  return unreachable(
    target,
    `${endpoint(target)} ${reasons[error.code ?? ''] ?? `cannot be reached: ${error.message}`}`,
    undefined,
    error,
  );
}

/** The host cannot be reached, through the bastion where there is one. */
export function unreachable(
  target: SshTarget,
  message: string,
  bastion?: SshTarget,
  cause?: unknown,
): Failure {
  const through = bastion === undefined ? '' : `-J ${bastion.user}@${bastion.address} `;
  return new Failure('unreachable', 'host.unreachable', `${target.name}: ${message}`, {
    host: target.name,
    hint: `Try \`ssh ${through}-p ${target.port} ${target.user}@${target.address}\`.`,
    cause,
  });
}
