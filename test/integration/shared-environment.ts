import { delimiter } from 'node:path';

/**
 * The file of the environment of the sandbox that this worker's tests share. ONECLICK_TEST_ENVIRONMENT names one for each
 * worker (see bin/test); undefined without it.
 */
export function sharedEnvironment(): string | undefined {
  const files = (process.env.ONECLICK_TEST_ENVIRONMENT || undefined)?.split(delimiter) ?? [];
  return files[Number(process.env.JEST_WORKER_ID ?? 1) - 1] ?? files[0];
}
