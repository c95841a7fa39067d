import { z } from 'zod';
import type { EnvironmentId } from './environment.js';
import { environmentLabels, label, prefix } from './labels.js';

/** What somebody did to an environment past the releases: a line that every host of it keeps. */
export const Audit = z.strictObject({
  what: z.enum(['lease.take']),
  who: z.string(),
  /** ISO 8601, by the clock of whoever did it. */
  at: z.string(),
  /** The run that was ended, and whose it was. */
  run: z.string(),
  whose: z.string(),
});
export type Audit = z.infer<typeof Audit>;

/** The volume that is this line: like a line of the release log, its labels hold it. */
export function auditVolume(
  id: EnvironmentId,
  audit: Audit,
): { readonly name: string; readonly labels: Readonly<Record<string, string>> } {
  return {
    name: `oneclick-audit-${prefix(id)}-${audit.run}`,
    labels: {
      ...environmentLabels(id),
      [label.audit]: `${id.project}/${id.environment}`,
      [label.entry]: JSON.stringify(audit),
    },
  };
}

/** The line that a volume's labels hold; undefined when they hold none. */
export function auditOf(labels: Readonly<Record<string, string>>): Audit | undefined {
  try {
    return Audit.safeParse(JSON.parse(labels[label.entry] ?? '')).data;
  } catch {
    return undefined;
  }
}
