import type { Host } from '../../host/host.js';
import { asRoot, type RootCommand } from './install-commands.js';
import type { MachineFacts } from './machine.js';

/** Something on a host that an installation has to wait for. */
export interface Busy {
  /** `apt: unattended-upgr (PID 812) holds /var/lib/dpkg/lock-frontend` */
  readonly what: string;
  /** The command that shows more, to run on the host. */
  readonly look: RootCommand;
}

/** `done` also if cloud-init is absent or disabled; `error` if it finished with errors. */
export type CloudInitState = 'busy' | 'done' | 'error';

export const cloudInitBusy: Busy = {
  what: 'cloud-init to finish',
  look: ['cloud-init', 'status', '--long'],
};

/** ms */
const scriptTimeout = 30_000;

/** Prints `enabled` and `status: …`. Does not use `--wait`, which hangs where cloud-init never starts. */
const cloudInitScript = `[ -e /run/cloud-init/enabled ] && echo enabled
cloud-init status 2>/dev/null
:`;

/** Reads the state of cloud-init. */
export async function readCloudInit(
  host: Host,
  machine: MachineFacts,
  signal: AbortSignal,
): Promise<CloudInitState> {
  if (!machine.hasCloudInit) return 'done';
  const argv = asRoot(machine, ['sh', '-c', cloudInitScript]);
  const { stdout } = await host.run({ argv, timeout: scriptTimeout }, signal);
  return parseCloudInit(stdout);
}

/** Parses the output of `cloud-init status`, whose exit codes differ between versions. */
export function parseCloudInit(stdout: string): CloudInitState {
  const status = /^status: (.*)$/m.exec(stdout)?.[1] ?? '';
  if (/running/.test(status)) return 'busy';
  if (/^not (?:run|started)/.test(status)) return /^enabled$/m.test(stdout) ? 'busy' : 'done';
  return /error|degraded/.test(status) ? 'error' : 'done';
}

/** Prints lines of `held FILE PID NAME`. apt and dpkg take POSIX locks, which /proc/locks lists by inode. */
export const lockScript = (files: readonly string[]) => `for lock in ${files.join(' ')}; do
  inode=$(stat -c %i "$lock" 2>/dev/null) || continue
  for pid in $(awk -v inode="$inode" '$2 == "POSIX" || $2 == "OFDLCK" { split($6, at, ":"); if (at[3] == inode) print $5 }' /proc/locks 2>/dev/null); do
    [ "$pid" -gt 0 ] || { echo "held $lock"; continue; }
    for fd in /proc/"$pid"/fd/*; do
      [ "$fd" -ef "$lock" ] || continue
      echo "held $lock $pid $(cat /proc/"$pid"/comm 2>/dev/null)"
      break
    done
  done
done
:`;

const lockFiles = [
  '/var/lib/dpkg/lock-frontend',
  '/var/lib/dpkg/lock',
  '/var/lib/apt/lists/lock',
  '/var/cache/apt/archives/lock',
];

/** Returns what holds a lock that apt needs, or undefined. Without access to /proc/locks, {@link refusedLock} finds it. */
export async function heldLock(
  host: Host,
  machine: MachineFacts,
  signal: AbortSignal,
): Promise<Busy | undefined> {
  const argv = asRoot(machine, ['sh', '-c', lockScript(lockFiles)]);
  const { stdout } = await host.run({ argv, timeout: scriptTimeout }, signal);
  const [, file, pid, name] = /^held (\S+)(?: (\d+) ?(.*))?$/m.exec(stdout) ?? [];
  return file === undefined ? undefined : lockBusy(machine, file, pid, name);
}

/**
 * Returns the lock that made a command of apt fail, or undefined if it failed otherwise: `E: Could not get lock FILE. It is
 * held by process 812 (apt-get)`, in any language.
 */
export function refusedLock(machine: MachineFacts, stderr: string): Busy | undefined {
  for (const line of stderr.split('\n')) {
    const file = /^E: .*?(\/var\/(?:lib|cache)\/(?:apt|dpkg)\/\S*?lock(?:-frontend)?)\b/.exec(line)?.[1];
    const number = /\((\d+): /.exec(line)?.[1];
    // 11 is EAGAIN; the lock files of others can also be unwritable.
    if (file === undefined || (number ?? '11') !== '11') continue;
    const [, pid, name] = / (\d+) \(([^)]*)\)/.exec(line) ?? [];
    return lockBusy(machine, file, pid, name);
  }
  return undefined;
}

function lockBusy(machine: MachineFacts, file: string, pid: string | undefined, name = ''): Busy {
  if (pid === undefined)
    return {
      what: `apt: another process holds ${file}`,
      look: machine.root === 'is root' ? ['lslocks'] : ['sudo', 'lslocks'],
    };
  const holder = name === '' ? `PID ${pid}` : `${name} (PID ${pid})`;
  return { what: `apt: ${holder} holds ${file}`, look: ['ps', '-fp', pid] };
}
