import { type Audit, auditOf, auditVolume } from '../domain/audit.js';
import { label } from '../domain/labels.js';
import type { Host } from '../host/host.js';
import type { LeaseScope } from '../host/lease/lease.js';
import type { Holder } from '../host/lease/lease-holder.js';
import { ensureOwnVolume } from '../tasks/own-names.js';
import type { Context } from './context.js';

/** Returns the audit records of all hosts, without duplicates, oldest first. */
export async function audits(
  hosts: readonly Host[],
  { project, environment }: LeaseScope,
): Promise<readonly Audit[]> {
  const volumes = await Promise.all(
    hosts.map(({ engine }) => engine.volumes(`${label.audit}=${project}/${environment}`)),
  );
  const records = volumes.flat().flatMap(({ labels }) => auditOf(labels) ?? []);
  const byRun = new Map(records.map((record) => [record.run, record]));
  return [...byRun.values()].sort((a, b) => a.at.localeCompare(b.at));
}

/** Records on each host that its lease was taken from the holder. */
export async function writeAudits(
  { who, clock }: Context,
  hosts: readonly Host[],
  scope: LeaseScope,
  holders: readonly Holder[],
): Promise<void> {
  const at = clock.now().toISOString();
  await Promise.all(
    holders.map(async (holder) => {
      const record: Audit = { what: 'lease.take', who, at, run: holder.run, whose: holder.who };
      const host = hosts.find(({ name }) => name === holder.host);
      if (host !== undefined) await ensureOwnVolume(host.engine, auditVolume(scope, record), scope);
    }),
  );
}
