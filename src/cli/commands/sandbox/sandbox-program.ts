import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Context } from '../../../app/context.js';
import { Failure, type FailureKind } from '../../../domain/failure.js';
import type { Reporter } from '../../../report/reporter.js';

/** A JSON line from the sandbox program. */
const Line = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), text: z.string() }),
  z.looseObject({ type: z.literal('result') }),
  z.object({
    type: z.literal('failure'),
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    exitCode: z.number(),
  }),
]);

/** Runs the sandbox program and reports its progress; resolves to its result. Throws the Failure that it reports. */
export async function askSandbox<T>(
  context: Context,
  args: readonly string[],
  reporter: Reporter,
  schema: z.ZodType<T>,
): Promise<T> {
  const program = join(context.packageDir, 'dist', 'sandbox', 'main.js');
  const child = spawn(process.execPath, [program, ...args], {
    cwd: context.cwd,
    env: context.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let answer: { readonly result: T } | undefined;
  for await (const text of createInterface({ input: child.stdout })) {
    const line = Line.parse(JSON.parse(text));
    if (line.type === 'progress') reporter.note(line.text);
    else if (line.type === 'result') {
      const { type: _type, ...result } = line;
      answer = { result: schema.parse(result) };
    } else {
      throw new Failure(
        kindOf(line.exitCode),
        line.code,
        line.message,
        line.hint === undefined ? {} : { hint: line.hint },
      );
    }
  }
  if (answer !== undefined) return answer.result;
  throw new Failure('interrupted', 'sandbox.ended', 'the sandbox exited without an answer', {
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
