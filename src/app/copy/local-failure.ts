import { Failure } from '../../domain/failure.js';

/** Returns the code of a system error, such as ENOENT; undefined for other errors. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return error instanceof Failure || typeof error.code !== 'string' ? undefined : error.code;
}

/** Turns a system error into a Failure; returns other errors unchanged. */
export function localFailure(action: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const message = error instanceof Error ? error.message : code;
  const kind = code === 'EACCES' || code === 'EPERM' ? 'access' : 'failed';
  return new Failure(kind, 'copy.local', `${action}: ${message}`, { cause: error });
}
