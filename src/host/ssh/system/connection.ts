import { whenAborted, withTimeout } from '../../../domain/abort.js';
import { Failure } from '../../../domain/failure.js';
import { given } from '../../../domain/given.js';
import { lostFailure } from '../../failures.js';
import { masterArguments } from '../argv.js';
import type { SshEnvironment, SshTarget } from '../config.js';
import { type Connection, connectTimeout, type DialOptions } from '../connection.js';
import { endpoint, TransientError, unreachable } from '../dial-failures.js';
import { Sessions } from '../sessions.js';
import { controlPath, openProxy } from './control.js';
import { masterFailure } from './failures.js';
import { SystemPorts } from './forwards.js';
import { Master } from './master.js';
import type { PacketSocket } from './packets.js';
import { ProxyClient } from './proxy-client.js';

const maxAttempts = 3;
/** How long `ssh` has to end. ms */
const closeTimeout = 2000;

/** Options of {@link dialSystem}. */
export interface SystemOptions extends Omit<DialOptions, 'keyring'> {
  readonly environment: SshEnvironment;
}

/** A connection of the system's `ssh`. */
export interface SystemConnection extends Connection {
  /** Path of its control socket, over which other `ssh` processes connect through it. */
  readonly control: string;
}

/**
 * Connects to a host with the system's `ssh`, through `bastion` if given. Supports everything that `ssh` does without a
 * prompt: certificates, security keys, Kerberos. Throws as `dial` does.
 */
export async function dialSystem(
  target: SshTarget,
  options: SystemOptions,
  bastion?: SystemConnection,
): Promise<SystemConnection> {
  const { clock, deadline = connectTimeout } = options;
  let master: Master | undefined;
  const onTimeout = () =>
    unreachable(target, `${endpoint(target)} did not respond within ${deadline / 1000} s`, {
      ...given({ bastion: bastion?.target }),
      evidence: (master?.log ?? []).filter((line) => !line.startsWith('debug')).slice(-5),
    });
  return withTimeout(clock, deadline, [bastion?.lost, options.signal], onTimeout, async (signal) => {
    for (let tries = 1; ; tries += 1) {
      master = await startMaster(target, options, bastion);
      try {
        return await connect(target, options, master, signal);
      } catch (error) {
        await master.kill();
        if (!(error instanceof TransientError)) throw error;
        if (tries === maxAttempts) throw error.failure ?? unreachable(target, error.message);
      }
      await clock.sleep(200 * tries, signal);
    }
  });
}

function startMaster(
  target: SshTarget,
  { environment, keepalive = 5000 }: SystemOptions,
  bastion: SystemConnection | undefined,
): Promise<Master> {
  const more = { environment, keepalive, ...given({ bastion: bastion?.control }) };
  const argv = (control: string) => ['ssh', ...masterArguments(target, { control, ...more })];
  return Master.start(argv, environment.variables);
}

async function connect(
  target: SshTarget,
  options: SystemOptions,
  master: Master,
  signal: AbortSignal,
): Promise<SystemConnection> {
  const stopListening = whenAborted(signal, () => void master.kill());
  try {
    if (!(await master.ready)) throw masterFailure(target, master.log, await master.ended);
    const packets = await openProxy(controlPath(master.folder)).catch((error: Error) => {
      throw new Failure('unreachable', 'host.unreachable', `${target.name}: ${error.message}`, {
        ...{ host: target.name, cause: error },
      });
    });
    return opened(target, options, master, packets);
  } finally {
    stopListening();
  }
}

function opened(
  target: SshTarget,
  { clock }: SystemOptions,
  master: Master,
  packets: PacketSocket,
): SystemConnection {
  const lost = new AbortController();
  // First, so that calls that fail with their channels see that the connection is lost.
  packets.onClose(() => {
    lost.abort(lostFailure(target.name, new Error(master.lastMessage ?? 'the other side closed it')));
    master.end();
  });
  const client = new ProxyClient(packets);
  const ports = new SystemPorts(target.name, client, master.folder);
  const ended = master.ended.then(() => {
    ports.end();
    packets.close();
    lost.abort(lostFailure(target.name, new Error(master.lastMessage ?? 'the other side closed it')));
  });
  return {
    target,
    client,
    ports,
    control: controlPath(master.folder),
    lost: lost.signal,
    sessions: new Sessions(target.name, lost.signal, clock),
    close: async () => {
      master.end();
      const done = new AbortController();
      clock.sleep(closeTimeout, done.signal).then(
        () => master.kill(),
        () => undefined,
      );
      await ended;
      done.abort();
    },
  };
}
