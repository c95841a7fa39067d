import { Blocked, Failure } from '../domain/failure.js';
import { bytes as sizeOf } from '../domain/measure.js';
import type { RunInfo } from '../domain/task.js';
import type { ForwardedPort, Host } from '../host/host.js';
import type { Lease, Leases } from '../run/ports.js';
import type { ImageTransfer } from './build/transfer.js';
import type { Listener } from './listener.js';

/**
 * Leases of runs that lend their hosts a registry for as long as they hold them: two deploys of an environment want the same port, and
 * only one of them has the lease.
 */
export class ForwardingLeases implements Leases {
  readonly #leases: Leases;
  readonly #hosts: readonly Host[];
  readonly #transfer: ImageTransfer;
  readonly #listener: Pick<Listener, 'note'>;

  constructor(
    leases: Leases,
    hosts: ReadonlyMap<string, Host>,
    transfer: ImageTransfer,
    listener: Pick<Listener, 'note'>,
  ) {
    this.#leases = leases;
    this.#hosts = [...hosts.values()].filter(({ name }) => transfer.hosts.has(name));
    this.#transfer = transfer;
    this.#listener = listener;
  }

  async take(run: RunInfo): Promise<Lease> {
    const lease = await this.#leases.take(run);
    try {
      const lent = await this.#lend();
      return {
        lost: lease.lost,
        describe: (step) => lease.describe(step),
        release: async () => {
          // Before the lease: whoever has it next finds the port free.
          const ports = lent.splice(0);
          for (const port of ports) port.end();
          if (ports.length > 0) this.#tell();
          await lease.release();
        },
      };
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /** On all hosts, or on none. */
  async #lend(): Promise<ForwardedPort[]> {
    const { port, take } = this.#transfer;
    const tries = await Promise.allSettled(this.#hosts.map((host) => host.forwardPort(port, take)));
    const lent = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const errors = tries.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
    if (errors.length === 0) return lent;
    for (const one of lent) one.end();
    const failures = errors.filter((error) => error instanceof Failure);
    throw failures.length === errors.length ? new Blocked(failures) : errors[0];
  }

  #tell(): void {
    const { layers, bytes } = this.#transfer.sent();
    if (bytes === 0) return;
    const count = `${layers} ${layers === 1 ? 'layer' : 'layers'}`;
    this.#listener.note(`${count} went over SSH, ${sizeOf(bytes)} in all`);
  }
}
