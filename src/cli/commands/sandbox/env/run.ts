import type { Context } from '../../../../app/context.js';
import { Failure } from '../../../../domain/failure.js';
import { quote } from '../../../../domain/shell.js';
import { withOutput } from '../../../command-output.js';
import { nameArguments } from '../control-sandbox.js';
import { askSandbox } from '../sandbox-program.js';
import { SandboxStatus } from '../sandbox-status.js';
import type { SandboxEnvFlags } from './command.js';

export function run(context: Context, _: readonly string[], flags: SandboxEnvFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const args = ['status', ...nameArguments(flags)];
    const status = await askSandbox(context, args, reporter, SandboxStatus);
    reporter.result(variables(status), (document) =>
      Object.entries(document)
        .map(([name, value]) => `export ${name}=${quote(value)}\n`)
        .join(''),
    );
    return 0;
  });
}

/** The endpoint accepts any keys. Throws a Failure when the sandbox is down. */
function variables({ endpoint, region }: SandboxStatus): Readonly<Record<string, string>> {
  if (endpoint == null || region == null)
    throw new Failure('failed', 'sandbox.down', 'the sandbox is down', { hint: 'oneclick sandbox up' });
  return {
    ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: region, AWS_DEFAULT_REGION: region },
    ...{ AWS_ACCESS_KEY_ID: 'sandbox', AWS_SECRET_ACCESS_KEY: 'sandbox' },
  };
}
