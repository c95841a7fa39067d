import { exitCode, Failure, failureRecord } from '../domain/failure.js';
import { Redaction } from '../domain/redact.js';
import { hintFor } from '../report/hints.js';
import type { Globals } from './global-flags.js';
import { program } from './program.js';

/** Runs the command line of this process and sets its exit code. */
export async function main(): Promise<void> {
  // A reader such as `head` may close the pipe; a run on servers must continue.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe);
  process.exitCode = await run(process.argv.slice(2));
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

async function run(argv: readonly string[]): Promise<number> {
  const redaction = new Redaction();
  const openContext = async () => (await import('./process.js')).processContext(redaction);
  // Until the flags are resolved, errors follow the ones that were typed.
  let format: Format = { json: argv.includes('--json'), plain: argv.includes('--plain') };
  try {
    return await program(openContext, argv, (flags) => {
      format = flags;
    });
  } catch (error) {
    return explain(error, format, redaction.redact);
  }
}

type Format = Pick<Globals, 'json' | 'plain' | 'projectFile'>;

/** Prints a failure with its hint, or a bug with its stack; returns the exit code. */
function explain(error: unknown, format: Format, redact: (text: string) => string): number {
  const { json, plain, projectFile } = format;
  const print = (text: string) => process.stderr.write(redact(text));
  const found = failureRecord(error);
  const { hint } = found;
  const record = hint === undefined ? found : { ...found, hint: hintFor(projectFile, hint) };
  if (json)
    process.stdout.write(redact(`${JSON.stringify({ schema: 1, type: 'failure', failures: [record] })}\n`));
  if (!(error instanceof Failure)) {
    print(`oneclick has a bug: ${record.message}\n`);
    if (error instanceof Error && error.stack !== undefined) print(`${error.stack}\n`);
    print('Report it with the lines above and the command you ran.\n');
    return 1;
  }
  if (!json) {
    const { host, message } = record;
    const prefix = host === undefined || message.startsWith(host) ? '' : `${host}: `;
    print(`${plain ? 'failed:' : '✗'} ${prefix}${message}\n`);
    for (const line of record.evidence) print(`  ${line}\n`);
    if (record.hint !== undefined) print(`  ${plain ? 'hint:' : '→'} ${record.hint}\n`);
  }
  return exitCode([record.kind]);
}
