import { type Audit, auditOf } from '../domain/audit.js';
import { label } from '../domain/labels.js';
import type { Host } from '../host/host.js';
import type { LeaseScope } from '../host/lease/lease.js';

/** The audit lines of all hosts, each once, oldest first. */
export async function audits(
  hosts: readonly Host[],
  { project, environment }: LeaseScope,
): Promise<readonly Audit[]> {
  const volumes = await Promise.all(
    hosts.map(({ engine }) => engine.volumes(`${label.audit}=${project}/${environment}`)),
  );
  const lines = volumes.flat().flatMap(({ labels }) => auditOf(labels) ?? []);
  const byRun = new Map(lines.map((line) => [line.run, line]));
  return [...byRun.values()].sort((a, b) => a.at.localeCompare(b.at));
}
