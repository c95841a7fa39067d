import { z } from 'zod';
import type { EnvironmentId } from './environment.js';
import { environmentLabels, label, prefix } from './labels.js';

/** An audit entry, kept on every host of an environment: an action other than a release. Ignores unknown keys. */
export const Audit = z.object({
  /** `lease.take`, or an action of a newer version. */
  what: z.string(),
  who: z.string(),
  /** ISO 8601, by the client's clock. */
  at: z.string(),
  /** The run whose lease was taken. */
  run: z.string(),
  /** The user who started that run. */
  whose: z.string(),
});
export type Audit = z.infer<typeof Audit>;

/** Returns the volume whose labels store the entry. */
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

/** Returns the entry stored in a volume's labels, or undefined if there is none. */
export function auditOf(labels: Readonly<Record<string, string>>): Audit | undefined {
  try {
    return Audit.safeParse(JSON.parse(labels[label.entry] ?? '')).data;
  } catch {
    return undefined;
  }
}
