import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { Failure, type FailureKind } from '../../domain/failure.js';
import { quote } from '../../domain/shell.js';
import type { Reporter } from '../../report/reporter.js';
import { table } from '../../report/table.js';
import type { Edge } from '../edge.js';
import type { Globals } from '../grammar/flags.js';
import { speaking } from '../speak.js';

interface SandboxFlags extends Globals {
  readonly name?: string;
  readonly machines?: number;
}

/** What the sandbox, a program of its own, says: JSON lines. */
const Line = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), text: z.string() }),
  z.looseObject({
    type: z.literal('result'),
    up: z.boolean().optional(),
    registry: z.string().nullish(),
    endpoint: z.string().nullish(),
    region: z.string().nullish(),
    machines: z.array(
      z.looseObject({
        name: z.string(),
        address: z.string(),
        port: z.number(),
        user: z.string(),
        state: z.string(),
      }),
    ),
  }),
  z.object({
    type: z.literal('failure'),
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    exitCode: z.number(),
  }),
]);
type Result = Extract<z.infer<typeof Line>, { type: 'result' }>;

/**
 * `oneclick sandbox up|down|status|env`: hands over to the sandbox and shows what it says; `env` shows what a shell has to
 * export for the tools of AWS to find it.
 */
export function sandbox(verb: 'up' | 'down' | 'status' | 'env') {
  return (edge: Edge, _: readonly string[], flags: SandboxFlags): Promise<number> =>
    speaking(edge, flags, async ({ reporter }) => {
      const args = [
        verb === 'env' ? 'status' : verb,
        ...(flags.name === undefined ? [] : ['--name', flags.name]),
        ...(flags.machines === undefined ? [] : ['--machines', String(flags.machines)]),
      ];
      const answer = await converse(edge, args, reporter);
      if (verb === 'env') {
        reporter.result(variables(answer), (document) =>
          Object.entries(document)
            .map(([name, value]) => `export ${name}=${quote(value)}\n`)
            .join(''),
        );
        return 0;
      }
      const { type: _type, ...result } = answer;
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
        return `${machines}\nregistry  ${document.registry ?? '-'}\nAWS API   ${document.endpoint ?? '-'}\nnext      oneclick deploy --env ${environmentName(flags)}\n`;
      });
      return 0;
    });
}

/**
 * What the tools of AWS read. The keys open nothing: whoever reaches the endpoint is heard.
 * @throws Failure when there is no endpoint
 */
function variables({ endpoint, region }: Result): Readonly<Record<string, string>> {
  if (endpoint == null || region == null)
    throw new Failure('failed', 'sandbox.down', 'the sandbox is down', { hint: 'oneclick sandbox up' });
  return {
    ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: region, AWS_DEFAULT_REGION: region },
    ...{ AWS_ACCESS_KEY_ID: 'sandbox', AWS_SECRET_ACCESS_KEY: 'sandbox' },
  };
}

async function converse(edge: Edge, args: readonly string[], reporter: Reporter): Promise<Result> {
  const program = join(edge.packageDir, 'dist', 'sandbox', 'main.js');
  const child = spawn(process.execPath, [program, ...args], {
    cwd: edge.cwd,
    env: edge.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let answer: Result | undefined;
  for await (const text of createInterface({ input: child.stdout })) {
    const line = Line.parse(JSON.parse(text));
    if (line.type === 'progress') reporter.note(line.text);
    else if (line.type === 'result') answer = line;
    else {
      throw new Failure(
        kindOf(line.exitCode),
        line.code,
        line.message,
        line.hint === undefined ? {} : { hint: line.hint },
      );
    }
  }
  if (answer !== undefined) return answer;
  throw new Failure('interrupted', 'sandbox.ended', 'the sandbox ended without an answer', {
    hint: `oneclick sandbox ${args[0]}`,
  });
}

const kinds: Readonly<Record<number, FailureKind>> = {
  2: 'usage',
  4: 'access',
  5: 'unreachable',
  130: 'interrupted',
};

function kindOf(code: number): FailureKind {
  return kinds[code] ?? 'failed';
}

/** What the sandbox calls its environment. */
function environmentName({ name }: SandboxFlags): string {
  return name === undefined || name === 'default' ? 'sandbox' : `sandbox-${name}`;
}
