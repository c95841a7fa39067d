import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { Host } from '../../host/host.js';
import { plainText } from '../../host/plain-text.js';
import { heldLock, refusedLock } from './busy.js';
import { asRoot, installCommands, isApt, type RootCommand } from './install-commands.js';
import { type MachineFacts, readMachine } from './machine.js';
import { type HostJob, plannedWaits, Wait } from './wait.js';

/** The version of the engine, or the commands that install it. */
export type BootstrapNeed = { readonly version: string } | Installation;

/** The installation of Docker on a host. */
export interface Installation {
  readonly machine: MachineFacts;
  /** What to wait for before the commands, as text. */
  readonly waits: readonly string[];
  readonly commands: readonly RootCommand[];
}

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
  if (machine.root !== 'not at all')
    return { machine, waits: await plannedWaits(host, machine, commands, signal), commands };
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
 * Runs the commands as root, one after the other, and reports each before it runs. Waits for the locks of apt. Throws a
 * Failure with the output of a failed command. A failed `service` command is returned instead, because some machines start
 * the engine themselves.
 */
export async function runCommands(
  job: HostJob,
  { machine, commands }: Installation,
): Promise<Failure | undefined> {
  let startFailure: Failure | undefined;
  for (const command of commands) {
    job.report(`running ${commandText(command)}`);
    const { code, stdout, stderr } = await (isApt(command)
      ? runWhenUnlocked(job, machine, command)
      : runAsRoot(job, machine, command));
    if (code === 0) continue;
    const failure = new Failure(
      'failed',
      'bootstrap.line',
      `\`${commandText(command)}\` failed with exit code ${code}`,
      {
        host: job.host.name,
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

/** Runs a command of apt once nothing holds its locks; again if another process took one first. */
async function runWhenUnlocked(job: HostJob, machine: MachineFacts, command: RootCommand) {
  const wait = new Wait(job);
  for (;;) {
    const held = await heldLock(job.host, machine, job.signal);
    if (held !== undefined) {
      await wait.pause(held);
      continue;
    }
    const result = await runAsRoot(job, machine, command);
    const refused = result.code === 0 ? undefined : refusedLock(machine, result.stderr);
    if (refused === undefined) return result;
    await wait.pause(refused);
  }
}

function runAsRoot({ host, signal }: HostJob, machine: MachineFacts, command: RootCommand) {
  return host.run({ argv: asRoot(machine, command), timeout: installTimeout }, signal);
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
