import type { EnvironmentId } from './environment.js';
import type { ContainerFacts } from './facts.js';

/** The labels that oneclick puts on what it makes. Nothing without them is ever changed. */
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
  /** `service` for what serves, `command` for a release command, `exec` for a command of a person, `network` for what keeps the network up. */
  role: 'oneclick.role',
  /** On a volume that is a line of the release log: `project/environment`. */
  log: 'oneclick.log',
  /** The line itself, as JSON. */
  activation: 'oneclick.activation',
  /** On a volume that is a line of the audit: `project/environment`. */
  audit: 'oneclick.audit',
  /** That line, as JSON. */
  entry: 'oneclick.audit-entry',
} as const;

/** Labels whose names start like this are set by oneclick only. */
export const labelPrefix = 'oneclick.';

/** Whether a label is one that oneclick sets, whatever the case of its name. */
export function isOwnLabel(name: string): boolean {
  return name.toLowerCase().startsWith(labelPrefix);
}

/** The start of names of what belongs to one environment. */
export function prefix(id: EnvironmentId): string {
  return `${id.project}-${id.environment}`;
}

/** The release number that a container's labels claim, where it is one of ours. */
export function releaseOf(container: ContainerFacts): number | undefined {
  const text = container.labels[label.release];
  const number = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isInteger(number) && number >= 0 ? number : undefined;
}

/** The labels of everything that belongs to an environment. */
export function environmentLabels(id: EnvironmentId): Record<string, string> {
  return { [label.project]: id.project, [label.environment]: id.environment };
}
