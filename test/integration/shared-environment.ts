import { delimiter } from 'node:path';

/**
 * Returns the environment file of the sandbox that this jest worker shares, or undefined if ONECLICK_TEST_ENVIRONMENT, which
 * lists one file per worker (see bin/test), is not set.
 */
export function sharedEnvironment(): string | undefined {
  const files = (process.env.ONECLICK_TEST_ENVIRONMENT || undefined)?.split(delimiter) ?? [];
  return files[Number(process.env.JEST_WORKER_ID ?? 1) - 1] ?? files[0];
}
