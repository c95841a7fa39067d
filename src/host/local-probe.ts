import { connect, type Socket } from 'node:net';
import { withTimeout } from '../domain/abort.js';
import type { Clock } from '../domain/clock.js';
import { Failure } from '../domain/failure.js';
import type { Probe, ProbeAnswer } from './host.js';
import { sendProbe } from './http-probe.js';

/** Sends a probe from this machine. Throws a Failure of kind `unhealthy` if there is no HTTP response. */
export function probeFromHere(probe: Probe, clock: Clock, signal: AbortSignal): Promise<ProbeAnswer> {
  const { address = '127.0.0.1', port, timeout } = probe;
  const place = `port ${port} of ${address}`;
  const onTimeout = () =>
    new Failure('unhealthy', 'probe.timeout', `${place} did not respond within ${timeout} ms`);
  return withTimeout(clock, timeout, [signal], onTimeout, async (stop) => {
    const start = clock.monotonic();
    const socket = await open(address, port, stop);
    try {
      const answer = await sendProbe(socket, probe, stop);
      return { ...answer, duration: clock.monotonic() - start };
    } catch (cause) {
      const message = `${place} did not return an HTTP response: ${textOf(cause)}`;
      throw new Failure('unhealthy', 'probe.closed', message, { cause });
    } finally {
      socket.destroy();
    }
  });
}

function open(address: string, port: number, stop: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, signal: stop });
    // Node emits errors of a socket that has been handed on.
    socket.on('error', (cause) =>
      reject(
        new Failure('unhealthy', 'probe.refused', `cannot connect to ${address}:${port}: ${textOf(cause)}`, {
          cause,
        }),
      ),
    );
    socket.once('connect', () => resolve(socket));
  });
}

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
