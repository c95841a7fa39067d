import { z } from 'zod';
import type { Page } from '../../../report/style.js';
import { table } from '../../../report/table.js';

/** The sandbox's answer to `up`, `down` and `status`. */
export const SandboxStatus = z.looseObject({
  up: z.boolean().optional(),
  registry: z.string().nullish(),
  endpoint: z.string().nullish(),
  region: z.string().nullish(),
  profile: z.string().nullish(),
  machines: z.array(
    z.looseObject({
      name: z.string(),
      address: z.string(),
      port: z.number(),
      user: z.string(),
      state: z.string(),
    }),
  ),
});

export type SandboxStatus = z.infer<typeof SandboxStatus>;

/** The machines and addresses of the sandbox with this name. */
export function sandboxText(status: SandboxStatus, page: Page, name: string | undefined): string {
  if (status.machines.length === 0) return 'the sandbox is down; start it: oneclick sandbox up\n';
  const machines = table(
    status.machines,
    [
      { title: 'MACHINE', value: (row) => row.name },
      { title: 'ADDRESS', value: (row) => `${row.user}@${row.address}:${row.port}` },
      { title: 'STATE', value: (row) => row.state },
    ],
    page,
  );
  const speed = status.profile === 'realistic' ? ' (realistic)' : '';
  return [
    machines,
    `registry  ${status.registry ?? '-'}`,
    `AWS API   ${status.endpoint ?? '-'}${speed}`,
    `next      oneclick deploy --env ${environmentName(name)}`,
    '',
  ].join('\n');
}

function environmentName(name: string | undefined): string {
  return name === undefined || name === 'default' ? 'sandbox' : `sandbox-${name}`;
}
