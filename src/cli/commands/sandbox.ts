import { z } from 'zod';
import type { Context } from '../../app/context.js';
import { Failure } from '../../domain/failure.js';
import { quote } from '../../domain/shell.js';
import { table } from '../../report/table.js';
import { withOutput } from '../command-output.js';
import type { Globals } from '../grammar/flags.js';
import { askSandbox } from '../sandbox-program.js';

interface SandboxFlags extends Globals {
  readonly name?: string;
  readonly machines?: number;
  readonly profile?: string;
  readonly seed?: string;
}

/** What the sandbox says of itself. */
const Status = z.looseObject({
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

/**
 * `oneclick sandbox up|down|status|env`: hands over to the sandbox and shows what it says; `env` shows what a shell has to
 * export for the tools of AWS to find it.
 */
export function sandbox(verb: 'up' | 'down' | 'status' | 'env') {
  return (context: Context, _: readonly string[], flags: SandboxFlags): Promise<number> =>
    withOutput(context, flags, async ({ reporter }) => {
      const args = [
        verb === 'env' ? 'status' : verb,
        ...(flags.name === undefined ? [] : ['--name', flags.name]),
        ...(flags.machines === undefined ? [] : ['--machines', String(flags.machines)]),
        ...(flags.profile === undefined ? [] : ['--profile', flags.profile]),
        ...(flags.seed === undefined ? [] : [`--seed=${flags.seed}`]),
      ];
      const result = await askSandbox(context, args, reporter, Status);
      if (verb === 'env') {
        reporter.result(variables(result), (document) =>
          Object.entries(document)
            .map(([name, value]) => `export ${name}=${quote(value)}\n`)
            .join(''),
        );
        return 0;
      }
      reporter.result(result, (document, page) => {
        if (document.machines.length === 0) return 'the sandbox is down; start it: oneclick sandbox up\n';
        const machines = table(
          document.machines,
          [
            { title: 'MACHINE', value: (row) => row.name },
            { title: 'ADDRESS', value: (row) => `${row.user}@${row.address}:${row.port}` },
            { title: 'STATE', value: (row) => row.state },
          ],
          page,
        );
        const slow = document.profile === 'realistic' ? ' (realistic)' : '';
        return `${machines}\nregistry  ${document.registry ?? '-'}\nAWS API   ${document.endpoint ?? '-'}${slow}\nnext      oneclick deploy --env ${environmentName(flags)}\n`;
      });
      return 0;
    });
}

/**
 * What the tools of AWS read. The keys open nothing: whoever reaches the endpoint is heard.
 * @throws Failure when there is no endpoint
 */
function variables({ endpoint, region }: z.infer<typeof Status>): Readonly<Record<string, string>> {
  if (endpoint == null || region == null)
    throw new Failure('failed', 'sandbox.down', 'the sandbox is down', { hint: 'oneclick sandbox up' });
  return {
    ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: region, AWS_DEFAULT_REGION: region },
    ...{ AWS_ACCESS_KEY_ID: 'sandbox', AWS_SECRET_ACCESS_KEY: 'sandbox' },
  };
}

/** What the sandbox calls its environment. */
function environmentName({ name }: SandboxFlags): string {
  return name === undefined || name === 'default' ? 'sandbox' : `sandbox-${name}`;
}
