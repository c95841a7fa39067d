import type { Clock } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { Host } from '../../host/host.js';
import { plainText } from '../../host/plain-text.js';
import { type Line, linesFor } from './lines.js';
import { type BareMachine, bareMachine } from './machine.js';

/** What a host needs: nothing, where its engine answers; else what root has to run there. */
export type BootstrapNeed =
  | { readonly version: string }
  | { readonly machine: BareMachine; readonly lines: readonly Line[] };

/** The failures that mean that there is no engine for this user yet. */
const lacking = ['engine.missing', 'engine.down', 'engine.access'];
/** Installing may bring 100 MB over a slow line. ms */
const installTimeout = 900_000;
/** How long an engine may need to answer after it was started, ms. */
const startsWithin = 60_000;

/** Looks at a host, and changes nothing. Throws a Failure where Docker cannot be brought to it. */
export async function bootstrapNeed(host: Host, signal: AbortSignal): Promise<BootstrapNeed> {
  const version = await versionOf(host);
  if (typeof version === 'string') return { version };
  const machine = await bareMachine(host, signal);
  const lines = linesFor(host.name, machine);
  if (machine.root !== 'not at all') return { machine, lines };
  const message = `${machine.user} may not become root on ${host.name} without a password`;
  throw new Failure('access', 'bootstrap.root', message, {
    host: host.name,
    hint: `there, as root: ${lines.map(written).join(' && ')}`,
  });
}

/** The engine's version, or the Failure that says that this user has no engine there. */
async function versionOf(host: Host): Promise<string | Failure> {
  try {
    return (await host.engine.version()).version;
  } catch (error) {
    if (error instanceof Failure && lacking.includes(error.code)) return error;
    throw error;
  }
}

/**
 * Runs the lines as root, one after the other, and says each before it is run. Throws a Failure with a line's last words. One
 * that starts the engine where systemd does not is given back instead: some machines start it by themselves.
 */
export async function runLines(
  host: Host,
  { machine, lines }: Extract<BootstrapNeed, { readonly lines: unknown }>,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  let unstarted: Failure | undefined;
  for (const line of lines) {
    say(written(line));
    const argv = machine.root === 'sudo' ? ['sudo', '-n', ...line] : line;
    const { code, stdout, stderr } = await host.run({ argv, timeout: installTimeout }, signal);
    if (code === 0) continue;
    const failure = new Failure(
      'failed',
      'bootstrap.line',
      `\`${written(line)}\` ended with exit code ${code}`,
      {
        host: host.name,
        hint: 'mend it there, and run this again: what is done already is not done twice',
        evidence: plainText(stderr.trim() || stdout.trim())
          .split('\n')
          .slice(-5),
      },
    );
    if (line[0] !== 'service') throw failure;
    unstarted = failure;
  }
  return unstarted;
}

/**
 * The version of the engine that a user who has just logged in speaks to. Throws the Failure that is left in the end; where
 * the engine does not answer, the one that says why it did not start.
 */
export async function answering(
  host: Host,
  clock: Clock,
  signal: AbortSignal,
  unstarted?: Failure,
): Promise<string> {
  const end = clock.monotonic() + startsWithin;
  for (;;) {
    const version = await versionOf(host);
    if (typeof version === 'string') return version;
    if (version.code !== 'engine.down') throw version;
    if (clock.monotonic() >= end) throw unstarted ?? version;
    await clock.sleep(500, signal);
  }
}

/** The line as a person types it. */
export const written = (line: Line) => line.join(' ');
