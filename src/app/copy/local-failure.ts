import { Failure } from '../../domain/failure.js';

/** The code of an error of the system, such as ENOENT; undefined where it is none. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return error instanceof Failure || typeof error.code !== 'string' ? undefined : error.code;
}

/** The Failure of what went wrong with the files of this machine; anything else as it is. */
export function localFailure(doing: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const words = error instanceof Error ? error.message : code;
  const kind = code === 'EACCES' || code === 'EPERM' ? 'access' : 'failed';
  return new Failure(kind, 'copy.local', `${doing}: ${words}`, { cause: error });
}
