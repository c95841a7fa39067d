import ssh2 from 'ssh2';
import { CallLog, type RemoteCall } from '../../src/host/call-log.js';

/** Something that was asked of a host: a call as the transport logs it, or the opening of a channel for one. */
export interface Call {
  readonly host: string;
  readonly kind: RemoteCall['kind'] | 'open';
  readonly what: string;
  /** ms; no two moments are the same */
  readonly began: number;
  readonly ended: number;
}

/** Moments in their order, which may be less than a microsecond apart. */
export class StrictClock {
  #last = 0;

  /** ms */
  now(): number {
    this.#last = Math.max(performance.now(), this.#last + 1e-6);
    return this.#last;
  }
}

/**
 * Collects the calls to a host until the function that it gives back is called. The command line has no place for an
 * observer, and the transport does not log the channels of forwarded sockets: both are watched where they pass.
 */
export function recordCalls(host: string, clock: StrictClock, calls: Call[]): () => void {
  const { record } = CallLog.prototype;
  const { forwardOut, openssh_forwardOutStreamLocal: forwardSocket } = ssh2.Client.prototype;
  const timed = <Done extends (...answer: never[]) => void>(what: string, done: Done): Done => {
    const began = clock.now();
    const wrapped = (...answer: Parameters<Done>) => {
      calls.push({ host, kind: 'open', what, began, ended: clock.now() });
      done(...answer);
    };
    return wrapped as Done;
  };
  CallLog.prototype.record = async function (this: CallLog, name, kind, what, work) {
    const began = clock.now();
    try {
      return await record.call(this, name, kind, what, work);
    } finally {
      calls.push({ host: name, kind, what, began, ended: clock.now() });
    }
  } as typeof record;
  ssh2.Client.prototype.forwardOut = function (from, fromPort, to, port, done) {
    return forwardOut.call(this, from, fromPort, to, port, done && timed(`${to}:${port}`, done));
  };
  ssh2.Client.prototype.openssh_forwardOutStreamLocal = function (path, done) {
    return forwardSocket.call(this, path, done && timed(path, done));
  };
  return () => {
    CallLog.prototype.record = record;
    Object.assign(ssh2.Client.prototype, { forwardOut, openssh_forwardOutStreamLocal: forwardSocket });
  };
}

/**
 * The longest chain of calls of one host of which each had to wait for the one before: it began after that had ended, or asks over the
 * channel whose opening it encloses. Repeated probes of one port are one call, and so are their channels.
 */
export function longestChain(calls: readonly Call[]): readonly Call[] {
  const order = mergeProbes(calls).sort((a, b) => a.ended - b.ended);
  const chains: Call[][] = [];
  for (const call of order) {
    const before = chains.filter((chain) => dependsOn(call, chain.at(-1)));
    const longest = before.reduce<Call[]>((most, chain) => (chain.length > most.length ? chain : most), []);
    chains.push([...longest, call]);
  }
  const whole = chains.reduce<Call[]>((most, chain) => (chain.length > most.length ? chain : most), []);
  // The container is looked at with each probe: that too is one question, asked again.
  return whole.filter(({ kind, what }, at) => whole[at - 1]?.kind !== kind || whole[at - 1]?.what !== what);
}

function dependsOn(call: Call, before: Call | undefined): boolean {
  if (before === undefined) return false;
  if (before.ended < call.began) return true;
  return before.kind === 'open' && call.kind !== 'open' && call.began < before.began;
}

function mergeProbes(calls: readonly Call[]): Call[] {
  const probes = new Map<string, Call>();
  const others: Call[] = [];
  for (const call of calls) {
    const isProbe = call.kind === 'probe' || call.kind === 'reach' || isPort(call);
    const key = `${call.kind} ${call.what}`;
    const known = probes.get(key);
    if (!isProbe) others.push(call);
    else if (known === undefined) probes.set(key, call);
    // A channel is opened for each probe: the first one counts, and it came before the answer.
    else if (call.kind !== 'open') probes.set(key, { ...known, ended: call.ended });
  }
  return [...others, ...probes.values()];
}

/** The channel of a probe, not of a request to the engine. */
const isPort = ({ kind, what }: Call) => kind === 'open' && !what.startsWith('/');
