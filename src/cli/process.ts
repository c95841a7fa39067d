import { randomBytes } from 'node:crypto';
import { homedir, hostname, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Adapters } from '../app/adapters.js';
import type { Context } from '../app/context.js';
import { systemClock } from '../domain/clock.js';
import type { Redaction } from '../domain/redact.js';

/** SSH, AWS and files, each loaded when a command opens it. */
const adapters: Adapters = {
  async connect(addresses, options) {
    const { connectAll } = await import('../host/hosts.js');
    return connectAll(addresses, options);
  },
  async probe(probe, clock, signal) {
    const { probeFromHere } = await import('../host/local-probe.js');
    return probeFromHere(probe, clock, signal);
  },
  async openCloud(options) {
    const [{ awsCloud }, { batched }] = await Promise.all([
      import('../cloud/aws/aws.js'),
      import('../cloud/batched.js'),
    ]);
    return batched(awsCloud(options), options);
  },
  async cloudCommand() {
    return (await import('../cloud/aws/commands.js')).awsCommand;
  },
  async openJournal(...of) {
    const { FileJournal } = await import('../run/journal.js');
    return new FileJournal(...of);
  },
};

/** The context of this process: its folder, variables, user, clock and randomness. */
export function processContext(redaction: Redaction): Context {
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
    adapters,
    random: Math.random,
    runId: () => randomBytes(3).toString('hex'),
    stateDir: join(env.XDG_STATE_HOME || join(home, '.local/state'), 'oneclick'),
    configDir: join(isAbsolute(configs) ? configs : join(home, '.config'), 'oneclick'),
    packageDir: fileURLToPath(new URL('../..', import.meta.url)),
  };
}
