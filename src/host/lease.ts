import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';
import type { RunInfo } from '../domain/task.js';
import type { Lease, Leases } from '../engine/ports.js';
import { within } from './deadline.js';
import type { Held, Host } from './host.js';
import { holderArgv } from './lease-holder.js';

/** Who holds a lease. */
const Holder = z.object({
  who: z.string(),
  run: z.string(),
  recipe: z.string(),
  project: z.string(),
  environment: z.string(),
  /** ISO 8601, by the clock of the holder's own machine. */
  since: z.string(),
});
export type Holder = z.infer<typeof Holder> & { readonly host: string; readonly step: string };

/** What a lease is on. */
export type LeaseScope = Pick<RunInfo, 'project' | 'environment'>;

export interface LeaseOptions {
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  /** Whether to wait for a lease that is held, for how long (ms), and whom to tell of each try that failed. */
  readonly wait?: { readonly deadline: number; readonly onBusy: (failure: Failure) => void };
  /** The folder of the lock on the hosts; `/tmp`, which every user there shares. */
  readonly folder?: string;
}

/** ms */
const beat = 2000;
/** A holder that has heard nothing for so long lets go, and a client that has missed so much stops. ms */
const silence = 8000;
const answerWithin = 15_000;

type Answer =
  | { readonly kind: 'held' | 'free' }
  | { readonly kind: 'busy' | 'ended'; readonly holder: Holder | undefined }
  | { readonly kind: 'broken'; readonly reason: string };

/** Leases on hosts, each held by a process there that lives as long as it hears from here. */
export class HostLeases implements Leases {
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #options: LeaseOptions;

  constructor(hosts: ReadonlyMap<string, Host>, options: LeaseOptions) {
    this.#hosts = hosts;
    this.#options = options;
  }

  async take(names: readonly string[], run: RunInfo): Promise<Lease> {
    const { clock, random, wait } = this.#options;
    const start = clock.monotonic();
    const hosts = names.flatMap((name) => this.#hosts.get(name) ?? []);
    for (;;) {
      const taken = await this.#takeAll(hosts, run);
      if (!(taken instanceof Failure)) return taken;
      const pause = 1000 + 2000 * random();
      if (wait === undefined || clock.monotonic() + pause - start > wait.deadline) throw taken;
      wait.onBusy(taken);
      await clock.sleep(pause);
    }
  }

  /** The lease, or the failure that says who holds it. Either all hosts are held afterwards, or none. */
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
    return heldFailure(run, busy);
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
    } satisfies z.infer<typeof Holder>;
    const argv = holderArgv('take', lockOf(run, this.#options.folder), JSON.stringify(info), silence / 1000);
    const started = host.hold(argv);
    const late = () => silent(host);
    const work = async () => {
      const held = await started;
      const lines = held.lines[Symbol.asyncIterator]();
      const first = await lines.next();
      return { held, lines, answer: parseAnswer(first.done ? '' : first.value, host.name) };
    };
    const { held, lines, answer } = await within(clock, answerWithin, [host.lost], late, work).catch(
      (error) => {
        // Whoever answers late is let go at once.
        started.then(
          (held) => held.end(),
          () => undefined,
        );
        throw error;
      },
    );
    if (answer.kind === 'held') return new HeldLease(host, held, lines, clock);
    held.end();
    if (answer.kind === 'busy') return { host: host.name, holder: answer.holder };
    throw brokenFailure(host, answer);
  }
}

interface Busy {
  readonly host: string;
  readonly holder: Holder | undefined;
}

/** The holder on one host. */
class HeldLease {
  readonly host: Host;
  readonly #held: Held;
  readonly #clock: Clock;
  /** When the holder last answered. */
  heard: number;
  #released = false;

  constructor(host: Host, held: Held, lines: AsyncIterator<string>, clock: Clock) {
    this.host = host;
    this.#held = held;
    this.#clock = clock;
    this.heard = clock.monotonic();
    void this.#listen(lines);
  }

  beat(step: string): void {
    this.#held.write(`beat ${step.replace(/\s+/g, ' ')}`);
  }

  /** Calls back when the holder is gone, unless it was released. */
  onEnd(listener: () => void): void {
    void this.#held.ended.then(() => {
      if (!this.#released) listener();
    });
  }

  async release(): Promise<void> {
    this.#released = true;
    this.#held.write('release');
    const late = () => silent(this.host);
    await within(this.#clock, silence, [this.host.lost], late, () => this.#held.ended).catch(() => undefined);
    this.#held.end();
  }

  async #listen(lines: AsyncIterator<string>): Promise<void> {
    while (!(await lines.next()).done) this.heard = this.#clock.monotonic();
  }
}

/** The leases on all hosts of a run, as one. */
class HostsLease implements Lease {
  readonly #parts: readonly HeldLease[];
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  readonly #over = new AbortController();
  #step = '';
  #released: Promise<void> | undefined;

  constructor(parts: readonly HeldLease[], clock: Clock) {
    this.#parts = parts;
    this.#clock = clock;
    for (const part of parts) part.onEnd(() => this.#lose(part.host, 'its holder has ended'));
    this.#keep().catch(() => undefined);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  describe(step: string): void {
    this.#step = step;
    this.#beat();
  }

  release(): Promise<void> {
    this.#over.abort();
    this.#released ??= Promise.all(this.#parts.map((part) => part.release())).then(() => undefined);
    return this.#released;
  }

  async #keep(): Promise<void> {
    let last = this.#clock.monotonic();
    while (!this.#lost.signal.aborted) {
      await this.#clock.sleep(beat, this.#over.signal);
      const now = this.#clock.monotonic();
      const [first] = this.#parts;
      if (now - last > silence && first !== undefined)
        return this.#lose(first.host, 'this process was suspended');
      last = now;
      const silentPart = this.#parts.find((part) => now - part.heard > silence);
      if (silentPart !== undefined) return this.#lose(silentPart.host, 'its holder is silent');
      this.#beat();
    }
  }

  #beat(): void {
    if (this.#lost.signal.aborted || this.#over.signal.aborted) return;
    for (const part of this.#parts) part.beat(this.#step);
  }

  #lose(host: Host, why: string): void {
    this.#over.abort();
    this.#lost.abort(
      new Failure('unreachable', 'lease.lost', `the lease on ${host.name} was lost: ${why}`, {
        host: host.name,
        hint: 'Another run may act there now. `oneclick status`, then `oneclick resume`.',
      }),
    );
  }
}

/** Who holds the lease, by host; hosts on which nobody does are left out. */
export async function leaseHolders(
  hosts: readonly Host[],
  scope: LeaseScope,
  folder?: string,
): Promise<Holder[]> {
  const answers = await Promise.all(hosts.map((host) => ask(host, 'look', scope, folder)));
  return answers.flatMap((answer) => (answer.kind === 'busy' ? (answer.holder ?? []) : []));
}

/**
 * Ends the holders of the lease, and with them their SSH sessions: their runs can change nothing any more. Returns whom it ended.
 * Throws a failure of kind `access` where a holder belongs to another user and there is no `sudo`.
 */
export async function endLeases(
  hosts: readonly Host[],
  scope: LeaseScope,
  folder?: string,
): Promise<Holder[]> {
  const answers = await Promise.all(hosts.map((host) => ask(host, 'end', scope, folder)));
  return answers.flatMap((answer) => (answer.kind === 'ended' ? (answer.holder ?? []) : []));
}

async function ask(host: Host, action: 'look' | 'end', scope: LeaseScope, folder?: string): Promise<Answer> {
  const { stdout } = await host.run({ argv: holderArgv(action, lockOf(scope, folder)), timeout: 20_000 });
  const answer = parseAnswer(stdout.split('\n')[0] ?? '', host.name);
  if (answer.kind === 'broken') throw brokenFailure(host, answer);
  return answer;
}

/** The path is safe whatever the names are, and the same for everybody. */
function lockOf({ project, environment }: LeaseScope, folder = '/tmp'): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([project, environment]))
    .digest('hex')
    .slice(0, 16);
  return `${folder}/oneclick-${hash}.lock`;
}

function parseAnswer(line: string, host: string): Answer {
  const [kind = '', text = '', step = ''] = line.split('\t');
  if (kind === 'held' || kind === 'free') return { kind };
  if (kind === 'busy' || kind === 'ended') return { kind, holder: parseHolder(text, step, host) };
  return { kind: 'broken', reason: text || line || 'it ended at once' };
}

function parseHolder(text: string, step: string, host: string): Holder | undefined {
  try {
    return { ...Holder.parse(JSON.parse(text)), step, host };
  } catch {
    // Somebody who holds the lock and does not say who they are.
    return undefined;
  }
}

function heldFailure({ project, environment }: LeaseScope, busy: readonly Busy[]): Failure {
  const say = ({ host, holder }: Busy) => {
    if (holder === undefined) return `${host}: somebody who does not say who`;
    const at = holder.step === '' ? '' : `, at ${holder.step}`;
    return `${host}: ${holder.who} since ${holder.since}, ${holder.recipe} ${holder.run}${at}`;
  };
  const [first] = busy;
  return new Failure(
    'lease',
    'lease.held',
    `another run holds ${project} ${environment} on ${busy.map(say).join('; ')}`,
    {
      ...(first === undefined ? {} : { host: first.host }),
      hint: 'Wait for it with `--wait`, or end it with `oneclick lease take`.',
    },
  );
}

function brokenFailure(host: Host, answer: Answer): Failure {
  const reason = answer.kind === 'broken' ? answer.reason : answer.kind;
  return new Failure('access', 'lease.broken', `no lease can be held on ${host.name}: ${reason}`, {
    host: host.name,
    hint: 'It takes `flock` (util-linux), `timeout` (coreutils) and a writable /tmp; to end one of another user, `sudo`.',
  });
}

function silent(host: Host): Failure {
  return new Failure('unreachable', 'host.silent', `${host.name} does not answer`, { host: host.name });
}
