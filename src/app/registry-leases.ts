import { Blocked, Failure } from '../domain/failure.js';
import { count, bytes as sizeOf } from '../domain/measure.js';
import type { RunInfo } from '../domain/task.js';
import type { ForwardedPort, Host } from '../host/host.js';
import type { Lease, Leases } from '../run/ports.js';
import type { ImageTransfer } from './build/transfer.js';
import type { Listener } from './listener.js';

/**
 * Leases that forward a registry to the hosts for as long as they are held. Deploys of an environment share one port, so only
 * the lease holder may use it.
 */
export class RegistryLeases implements Leases {
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
      const forwarded = await this.#forward();
      return {
        lost: lease.lost,
        hosts: lease.hosts,
        confirm: () => lease.confirm(),
        describe: (step) => lease.describe(step),
        release: async () => {
          // The next holder needs the port to be free.
          const ports = forwarded.splice(0);
          for (const port of ports) port.end();
          if (ports.length > 0) this.#reportTransfer();
          await lease.release();
        },
      };
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /** Forwards the port on all hosts, or on none. */
  async #forward(): Promise<ForwardedPort[]> {
    const { port, take } = this.#transfer;
    const results = await Promise.allSettled(this.#hosts.map((host) => host.forwardPort(port, take)));
    const forwarded = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const errors = results.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
    if (errors.length === 0) return forwarded;
    for (const one of forwarded) one.end();
    const failures = errors.filter((error) => error instanceof Failure);
    throw failures.length === errors.length ? new Blocked(failures) : errors[0];
  }

  #reportTransfer(): void {
    const { layers, bytes } = this.#transfer.sent();
    if (bytes === 0) return;
    this.#listener.note(`sent ${count(layers, 'layer')} over SSH (${sizeOf(bytes)})`);
  }
}
