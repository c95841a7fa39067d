import { withTimeout } from '../../domain/abort.js';
import type { Clock } from '../../domain/clock.js';
import type { EnvironmentId } from '../../domain/environment.js';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import { startedByRun } from '../../domain/parent-run.js';
import type { RunInfo } from '../../domain/task.js';
import type { Lease, Leases } from '../../run/ports.js';
import type { Host } from '../host.js';
import { describeHolder } from './describe-holder.js';
import { HeldLease, HostsLease, leaseTimeout, unresponsive } from './held-lease.js';
import { type Answer, type Holder, holderArgv, lockPath, parseAnswer } from './lease-holder.js';

/** The environment that a lease locks. */
export type LeaseScope = EnvironmentId;

export interface LeaseOptions {
  readonly clock: Clock;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random: () => number;
  /** Waits up to `deadline` ms for a lease that another run holds; calls `onBusy` after each attempt. */
  readonly wait?: {
    readonly deadline: number;
    readonly onBusy: (failure: Failure) => void;
    /** Stops waiting. */
    readonly signal?: AbortSignal;
  };
  /** IDs of the runs that started this process: waiting for one of them would never end. */
  readonly parents?: readonly string[];
  /** Directory of the lock on the hosts; `/tmp` by default, because all users share it. */
  readonly folder?: string;
}

/** ms */
const responseTimeout = 15_000;

/** Leases on hosts; a process on each host holds one while it receives heartbeats. */
export class HostLeases implements Leases {
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #options: LeaseOptions;

  constructor(hosts: ReadonlyMap<string, Host>, options: LeaseOptions) {
    this.#hosts = hosts;
    this.#options = options;
  }

  async take(run: RunInfo): Promise<Lease> {
    const { clock, random, wait } = this.#options;
    const start = clock.monotonic();
    const hosts = [...this.#hosts.values()];
    for (;;) {
      const taken = await this.#takeAll(hosts, run);
      if (!(taken instanceof Failure)) return taken;
      if (taken.code === 'lease.own') throw taken;
      const pause = 1000 + 2000 * random();
      if (wait === undefined || clock.monotonic() + pause - start > wait.deadline) throw taken;
      wait.onBusy(taken);
      await clock.sleep(pause, wait.signal);
    }
  }

  /** Takes the lease on all hosts or on none; returns a failure that names the holder if it is held. */
  async #takeAll(hosts: readonly Host[], run: RunInfo): Promise<Lease | Failure> {
    const { clock } = this.#options;
    const tries = await Promise.allSettled(hosts.map((host) => this.#takeOne(host, run)));
    const held = tries.flatMap((one) =>
      one.status === 'fulfilled' && one.value instanceof HeldLease ? [one.value] : [],
    );
    if (held.length === hosts.length) return new HostsLease(held, clock);
    await Promise.all(held.map((lease) => lease.release()));
    const broken = tries.find((one) => one.status === 'rejected');
    if (broken !== undefined) throw broken.reason;
    const busy = tries.flatMap((one) =>
      one.status === 'fulfilled' && !(one.value instanceof HeldLease) ? [one.value] : [],
    );
    return this.#ownFailure(run, busy) ?? heldFailure(run, busy, clock.now());
  }

  /** The failure if a run that started this process holds the lease. */
  #ownFailure({ recipe }: RunInfo, busy: readonly Busy[]): Failure | undefined {
    const { parents = [] } = this.#options;
    const own = busy.find(({ holder }) => holder !== undefined && parents.includes(holder.run))?.holder;
    if (own === undefined) return undefined;
    const hint = `use the step \`- recipe: ${recipe}\` instead, or run it after run ${own.run}`;
    return startedByRun({ ...own, id: own.run }, 'it would wait for itself', hint);
  }

  async #takeOne(host: Host, run: RunInfo): Promise<HeldLease | Busy> {
    const { clock } = this.#options;
    const info = {
      who: run.who,
      run: run.id,
      recipe: run.recipe,
      project: run.project,
      environment: run.environment,
      since: clock.now().toISOString(),
    } satisfies Omit<Holder, 'host' | 'step'>;
    const argv = holderArgv(
      'take',
      lockPath(run, this.#options.folder),
      JSON.stringify(info),
      leaseTimeout / 1000,
    );
    const started = host.spawn(argv);
    const onTimeout = () => unresponsive(host);
    const work = async () => {
      const held = await started;
      const lines = held.lines[Symbol.asyncIterator]();
      const first = await lines.next();
      return { held, lines, answer: parseAnswer(first.done ? '' : first.value, host.name) };
    };
    const { held, lines, answer } = await withTimeout(
      clock,
      responseTimeout,
      [host.lost],
      onTimeout,
      work,
    ).catch((error) => {
      // A late holder would keep the lease.
      started.then(
        (held) => held.end(),
        () => undefined,
      );
      throw error;
    });
    if (answer.kind === 'held') return new HeldLease(host, held, lines, clock);
    held.end();
    if (answer.kind === 'busy') return { host: host.name, holder: answer.holder };
    throw brokenFailure('hold a', host, answer);
  }
}

interface Busy {
  readonly host: string;
  readonly holder: Holder | undefined;
}

/** Returns the holders of the lease; skips hosts where it is free. */
export async function leaseHolders(
  hosts: readonly Host[],
  scope: LeaseScope,
  folder?: string,
): Promise<Holder[]> {
  const answers = await Promise.all(hosts.map((host) => runHolder(host, 'look', scope, folder)));
  return answers.flatMap((answer) => (answer.kind === 'busy' ? (answer.holder ?? []) : []));
}

/**
 * Ends the holders of the lease and their SSH sessions, so that their runs cannot change anything. Returns the holders it
 * ended. Throws a failure of kind `access` if another user owns a holder and `sudo` is not available.
 */
export async function endLeases(
  hosts: readonly Host[],
  scope: LeaseScope,
  folder?: string,
): Promise<Holder[]> {
  const answers = await Promise.all(hosts.map((host) => runHolder(host, 'end', scope, folder)));
  return answers.flatMap((answer) => (answer.kind === 'ended' ? (answer.holder ?? []) : []));
}

async function runHolder(
  host: Host,
  action: 'look' | 'end',
  scope: LeaseScope,
  folder?: string,
): Promise<Answer> {
  const { stdout } = await host.run({ argv: holderArgv(action, lockPath(scope, folder)), timeout: 20_000 });
  const answer = parseAnswer(stdout.split('\n')[0] ?? '', host.name);
  if (answer.kind === 'broken') throw brokenFailure(action === 'look' ? 'read the' : 'end the', host, answer);
  return answer;
}

/** Describes each run once, even if it holds several hosts. */
function heldFailure({ project, environment }: LeaseScope, busy: readonly Busy[], now: Date): Failure {
  const known = new Map(busy.flatMap(({ holder }) => (holder === undefined ? [] : [[holder.run, holder]])));
  const unknown = busy.filter(({ holder }) => holder === undefined).map(({ host }) => host);
  const sentences = [...known.values()].map((holder) => describeHolder(holder, now));
  if (unknown.length > 0)
    sentences.push(
      `an unknown process holds the lease on ${project} ${environment} on ${unknown.join(', ')}`,
    );
  return new Failure('lease', 'lease.held', sentences.join('; '), {
    ...given({ host: busy[0]?.host }),
    hint: 'add `--wait`, or end that run with `oneclick lease take`',
  });
}

const defaultHint =
  "install util-linux and coreutils, and make /tmp writable; ending another user's run needs `sudo`";

function brokenFailure(action: 'hold a' | 'read the' | 'end the', host: Host, answer: Answer): Failure {
  const { reason, hint = defaultHint } = answer.kind === 'broken' ? answer : { reason: answer.kind };
  return new Failure('access', 'lease.broken', `cannot ${action} lease on ${host.name}: ${reason}`, {
    host: host.name,
    hint,
  });
}
