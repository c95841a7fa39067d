import { type Clock, timeOfDay } from '../../domain/clock.js';
import { Failure } from '../../domain/failure.js';
import type { Host } from '../../host/host.js';
import { type Busy, cloudInitBusy, heldLock, readCloudInit } from './busy.js';
import { isApt, type RootCommand } from './install-commands.js';
import type { MachineFacts } from './machine.js';

/** How long to wait for cloud-init, and for the locks of each command of apt. ms */
export const busyTimeout = 600_000;
const limit = `${busyTimeout / 60_000} min`;
/** ms */
const pollInterval = 2000;

/** The bootstrap of one host. */
export interface HostJob {
  readonly host: Host;
  readonly clock: Clock;
  /** Prints a line about the host. */
  readonly report: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A wait with a deadline, which starts when the host is first found busy. */
export class Wait {
  readonly #job: HostJob;
  #end: number | undefined;
  #reported: string | undefined;

  constructor(job: HostJob) {
    this.#job = job;
  }

  /** Whether it had to wait. */
  get hasWaited(): boolean {
    return this.#end !== undefined;
  }

  /** Waits a moment; reports if the reason is a new one. Throws the Failure `bootstrap.busy` after the deadline. */
  async pause({ what, look }: Busy): Promise<void> {
    const { host, clock, report, signal } = this.#job;
    this.#end ??= clock.monotonic() + busyTimeout;
    const left = this.#end - clock.monotonic();
    if (left <= 0)
      throw new Failure('failed', 'bootstrap.busy', `gave up after waiting ${limit} for ${what}`, {
        host: host.name,
        hint: `see what it is doing: oneclick ssh ${host.name} -- ${look.join(' ')}; then run the command again`,
      });
    const deadline = new Date(clock.now().getTime() + left);
    if (this.#reported !== what) report(`waiting for ${what} (timeout ${timeOfDay(deadline)})`);
    this.#reported = what;
    await clock.sleep(Math.min(pollInterval, left), signal);
  }
}

/** Waits until cloud-init has finished, also with errors. Returns whether it had to wait. */
export async function waitForCloudInit(job: HostJob, machine: MachineFacts): Promise<boolean> {
  const wait = new Wait(job);
  for (;;) {
    const state = await readCloudInit(job.host, machine, job.signal);
    if (state === 'busy') {
      await wait.pause(cloudInitBusy);
      continue;
    }
    if (state === 'error')
      job.report(
        `cloud-init finished with errors; to see them: oneclick ssh ${job.host.name} -- ${cloudInitBusy.look.join(' ')}`,
      );
    return wait.hasWaited;
  }
}

/** Returns the waits of a bootstrap, with the reason if the host is busy now. */
export async function plannedWaits(
  host: Host,
  machine: MachineFacts,
  commands: readonly RootCommand[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const waits: string[] = [];
  if (machine.hasCloudInit) {
    const isBusy = (await readCloudInit(host, machine, signal)) === 'busy';
    waits.push(`wait up to ${limit} for ${cloudInitBusy.what}${isBusy ? ' (still running)' : ''}`);
  }
  if (commands.some(isApt)) {
    const held = await heldLock(host, machine, signal);
    const now = held === undefined ? '' : ` (${held.what.replace(/^apt: /, '')})`;
    waits.push(`wait up to ${limit} for the locks of apt and dpkg${now}`);
  }
  return waits;
}
