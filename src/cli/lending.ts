import { Blocked, Failure } from '../domain/failure.js';
import type { RunInfo } from '../domain/task.js';
import type { Lease, Leases } from '../engine/ports.js';
import type { Host, Lent } from '../host/host.js';
import { bytes as sizeOf } from '../report/measure.js';
import type { Reporter } from '../report/reporter.js';
import type { Shipment } from './shipment.js';

/**
 * Leases of runs that lend their hosts a registry for as long as they hold them: two deploys of an environment want the same port, and
 * only one of them has the lease.
 */
export class LendingLeases implements Leases {
  readonly #leases: Leases;
  readonly #hosts: readonly Host[];
  readonly #shipment: Shipment;
  readonly #reporter: Pick<Reporter, 'note'>;

  constructor(
    leases: Leases,
    hosts: ReadonlyMap<string, Host>,
    shipment: Shipment,
    reporter: Pick<Reporter, 'note'>,
  ) {
    this.#leases = leases;
    this.#hosts = [...hosts.values()].filter(({ name }) => shipment.hosts.has(name));
    this.#shipment = shipment;
    this.#reporter = reporter;
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
  async #lend(): Promise<Lent[]> {
    const { port, take } = this.#shipment;
    const tries = await Promise.allSettled(this.#hosts.map((host) => host.lend(port, take)));
    const lent = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const errors = tries.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
    if (errors.length === 0) return lent;
    for (const one of lent) one.end();
    const failures = errors.filter((error) => error instanceof Failure);
    throw failures.length === errors.length ? new Blocked(failures) : errors[0];
  }

  #tell(): void {
    const { layers, bytes } = this.#shipment.sent();
    if (bytes === 0) return;
    const count = `${layers} ${layers === 1 ? 'layer' : 'layers'}`;
    this.#reporter.note(`${count} went over SSH, ${sizeOf(bytes)} in all`);
  }
}
