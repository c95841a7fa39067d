import { withEnvironment } from '../../../app/connect.js';
import { selectOnHosts } from '../../../app/instances.js';
import { keptLogs, readRunLogs } from '../../../app/logs/run-logs.js';
import type { Session } from '../../../app/session.js';
import { Failure } from '../../../domain/failure.js';
import type { LogOptions } from '../../../host/host.js';
import { type CommandOutput, reportProblems } from '../../command-output.js';
import type { LogsFlags } from './command.js';
import { entryPrinter, messagePrinter } from './printers.js';

/** A past run, and the part of its logs to show. */
export interface PastRun {
  readonly run: string;
  readonly names: readonly string[];
  readonly flags: LogsFlags;
  readonly options: LogOptions;
}

/** Prints the logs of a run's containers, or the lines kept with it; resolves to the exit code. */
export async function showRun(
  out: CommandOutput,
  session: Session,
  { run, names, flags, options }: PastRun,
): Promise<number> {
  if (flags.follow)
    throw new Failure('usage', 'arguments', '--run cannot be combined with --follow', {
      hint: 'remove one of them',
    });
  const kept = await keptLogs(session, run);
  const services = selectOnHosts(session.environment.services, names, flags.host);
  return withEnvironment(session, { services, brief: true }, async (connected) => {
    const request = { run, services: names, hosts: flags.host, options, kept };
    const { entries, problems } = await readRunLogs(session, connected, request);
    const { grep } = flags;
    const wanted = grep === undefined ? entries : entries.filter(({ text }) => text.includes(grep));
    if (entries.length === 0) {
      if (problems.length > 0) return reportProblems(out.reporter, problems);
      throw new Failure(
        'failed',
        'logs.nothing',
        `run ${run} has no logs: nothing of it failed, or a later release removed it`,
        {
          hint: 'list the runs: oneclick history',
        },
      );
    }
    const tell = messagePrinter(out);
    for (const { host, message, hint } of problems)
      tell(host ?? '', hint === undefined ? message : `${message}; ${hint}`);
    const write = await entryPrinter(out, flags, wanted, () => undefined);
    await write(wanted);
    return 0;
  });
}
