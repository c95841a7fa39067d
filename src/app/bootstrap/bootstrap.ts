import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { Host } from '../../host/host.js';
import { plainText } from '../../host/plain-text.js';
import { installCommands, type RootCommand } from './install-commands.js';
import { type MachineFacts, readMachine } from './machine.js';

/** The version of the engine, or the commands that install it. */
export type BootstrapNeed =
  | { readonly version: string }
  | { readonly machine: MachineFacts; readonly commands: readonly RootCommand[] };

/** Failures that mean the user has no working engine yet. */
const noEngineCodes = ['engine.missing', 'engine.down', 'engine.access'];
/** ms; packages of 100 MB may come over a slow connection. */
const installTimeout = 900_000;
/** How long to wait for a started engine, ms. */
const startTimeout = 60_000;

/** Checks a host without changing it. Throws a Failure if Docker cannot be installed there. */
export async function bootstrapNeed(host: Host, signal: AbortSignal): Promise<BootstrapNeed> {
  const version = await engineVersion(host);
  if (typeof version === 'string') return { version };
  const machine = await readMachine(host, signal);
  const commands = installCommands(host.name, machine);
  if (machine.root !== 'not at all') return { machine, commands };
  const message = `${machine.user} cannot use sudo on ${host.name} without a password`;
  throw new Failure('access', 'bootstrap.root', message, {
    host: host.name,
    hint: `run as root on ${host.name}: ${commands.map(commandText).join(' && ')}`,
  });
}

/** The version of the engine, or the Failure if there is none for this user. */
async function engineVersion(host: Host): Promise<string | Failure> {
  try {
    return (await host.engine.version()).version;
  } catch (error) {
    if (error instanceof Failure && noEngineCodes.includes(error.code)) return error;
    throw error;
  }
}

/**
 * Runs the commands as root, one after the other, and reports each before it runs. Throws a Failure with the output of a
 * failed command. A failed `service` command is returned instead, because some machines start the engine themselves.
 */
export async function runCommands(
  host: Host,
  { machine, commands }: Extract<BootstrapNeed, { readonly commands: unknown }>,
  report: (text: string) => void,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  let startFailure: Failure | undefined;
  for (const command of commands) {
    report(commandText(command));
    const argv = machine.root === 'sudo' ? ['sudo', '-n', ...command] : command;
    const { code, stdout, stderr } = await host.run({ argv, timeout: installTimeout }, signal);
    if (code === 0) continue;
    const failure = new Failure(
      'failed',
      'bootstrap.line',
      `\`${commandText(command)}\` failed with exit code ${code}`,
      {
        host: host.name,
        hint: 'fix the problem on the host, then run the command again; finished steps are skipped',
        evidence: plainText(stderr.trim() || stdout.trim())
          .split('\n')
          .slice(-5),
      },
    );
    if (command[0] !== 'service') throw failure;
    startFailure = failure;
  }
  return startFailure;
}

/**
 * Waits until the engine responds and returns its version. Throws the last Failure after a timeout, or `startFailure` if the
 * engine stays down.
 */
export async function waitForEngine(
  host: Host,
  clock: Clock,
  signal: AbortSignal,
  startFailure?: Failure,
): Promise<string> {
  const end = clock.monotonic() + startTimeout;
  for (;;) {
    const version = await engineVersion(host);
    if (typeof version === 'string') return version;
    if (version.code !== 'engine.down') throw version;
    if (clock.monotonic() >= end) throw startFailure ?? version;
    await clock.sleep(500, signal);
  }
}

/** Returns the command as it is typed. */
export const commandText = (command: RootCommand) => command.join(' ');
