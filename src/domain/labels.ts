import type { EnvironmentId } from './environment.js';
import type { ContainerFacts } from './facts.js';

/** The labels of everything that oneclick creates. It never changes anything without them. */
export const label = {
  project: 'oneclick.project',
  environment: 'oneclick.environment',
  service: 'oneclick.service',
  release: 'oneclick.release',
  run: 'oneclick.run',
  step: 'oneclick.step',
  who: 'oneclick.who',
  commit: 'oneclick.commit',
  reference: 'oneclick.reference',
  /** The hash of the release's spec, without secret values. */
  spec: 'oneclick.spec',
  /** `service`, `command` (a release command), `exec` (oneclick exec) `network` (keeps the network alive) or `names` (a network). */
  role: 'oneclick.role',
  /** On a release log volume: `project/environment`. */
  log: 'oneclick.log',
  /** The log line, as JSON. */
  activation: 'oneclick.activation',
  /** On a service container: a copy of the last log lines, in case the volumes are lost. */
  logCopy: 'oneclick.log-copy',
  /** On a data volume: its name in the configuration. */
  volume: 'oneclick.volume',
  /** On a volume next to the release log: the ID of the adopted container of a service on this host; empty if it has none. */
  adopted: 'oneclick.adopted',
  /** On an audit volume: `project/environment`. */
  audit: 'oneclick.audit',
  /** The audit entry, as JSON. */
  entry: 'oneclick.audit-entry',
} as const;

/** The prefix of labels that only oneclick may set. */
export const labelPrefix = 'oneclick.';

/** Whether only oneclick may set the label. Ignores case. */
export function isOwnLabel(name: string): boolean {
  return name.toLowerCase().startsWith(labelPrefix);
}

/** The prefix of all names in an environment. Another environment can have the same one: see names.ts. */
export function prefix(id: EnvironmentId): string {
  return `${id.project}-${id.environment}`;
}

/** The release number in a container's labels, if any. */
export function releaseOf(container: ContainerFacts): number | undefined {
  const text = container.labels[label.release];
  const number = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isInteger(number) && number >= 0 ? number : undefined;
}

/** The labels of everything that belongs to an environment. */
export function environmentLabels(id: EnvironmentId): Record<string, string> {
  return { [label.project]: id.project, [label.environment]: id.environment };
}
