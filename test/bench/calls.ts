import ssh2 from 'ssh2';
import { CallLog, type RemoteCall } from '../../src/host/call-log.js';

/** A call to a host as logged by the transport, or the opening of a channel for one. */
export interface Call {
  readonly host: string;
  readonly kind: RemoteCall['kind'] | 'open';
  readonly what: string;
  /** Unique, ms. */
  readonly began: number;
  readonly ended: number;
}

/** A clock whose readings always increase. */
export class StrictClock {
  #last = 0;

  /** ms */
  now(): number {
    this.#last = Math.max(performance.now(), this.#last + 1e-6);
    return this.#last;
  }
}

/**
 * Records the calls to a host until the returned function is called. Patches prototypes, because the command line accepts no
 * observer and the transport does not log channels of forwarded sockets.
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
 * Returns the longest chain of calls that depend on each other: each began after the previous one ended, or uses the channel
 * opened by it. Repeated probes of a port count as one call.
 */
export function longestChain(calls: readonly Call[]): readonly Call[] {
  const order = mergeProbes(calls).sort((a, b) => a.ended - b.ended);
  const chains: Call[][] = [];
  for (const call of order) {
    const before = chains.filter((chain) => dependsOn(call, chain.at(-1)));
    const longest = before.reduce<Call[]>((most, chain) => (chain.length > most.length ? chain : most), []);
    chains.push([...longest, call]);
  }
  const chain = chains.reduce<Call[]>((most, chain) => (chain.length > most.length ? chain : most), []);
  // Each probe also inspects the container; repetitions count once.
  return chain.filter(({ kind, what }, at) => chain[at - 1]?.kind !== kind || chain[at - 1]?.what !== what);
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
    // Each probe opens a channel; only the first one counts.
    else if (call.kind !== 'open') probes.set(key, { ...known, ended: call.ended });
  }
  return [...others, ...probes.values()];
}

/** Whether the channel is for a probe, not for the engine. */
const isPort = ({ kind, what }: Call) => kind === 'open' && !what.startsWith('/');
