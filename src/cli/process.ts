import { randomBytes } from 'node:crypto';
import { homedir, hostname, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from '../app/context.js';
import { systemClock } from '../domain/clock.js';
import type { Redaction } from '../domain/redact.js';

/** The edge of this process. */
export function processEdge(redaction: Redaction): Context {
  const { env } = process;
  const home = env.HOME ?? homedir();
  const configs = env.XDG_CONFIG_HOME ?? '';
  const user = userInfo().username;
  return {
    cwd: process.cwd(),
    env,
    home,
    user,
    who: `${user}@${hostname()}`,
    clock: systemClock,
    redaction,
    random: Math.random,
    runId: () => randomBytes(3).toString('hex'),
    stateDir: join(env.XDG_STATE_HOME || join(home, '.local/state'), 'oneclick'),
    configDir: join(isAbsolute(configs) ? configs : join(home, '.config'), 'oneclick'),
    packageDir: fileURLToPath(new URL('../..', import.meta.url)),
  };
}
