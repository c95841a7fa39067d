import { untouchedHosts } from '../../../app/choose-services.js';
import { withEnvironment } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import { selectOnHosts } from '../../../app/instances.js';
import { runReader } from '../../../app/runs.js';
import { openSession } from '../../../app/session.js';
import { needsAttention, type StatusDocument, statusDocument } from '../../../app/status.js';
import { readStatus, type StatusSources } from '../../../app/status-input.js';
import { unlessAborted } from '../../../domain/abort.js';
import { attentionExitCode } from '../../../domain/failure.js';
import { statusText } from '../../../report/status.js';
import type { Page } from '../../../report/style.js';
import { type CommandOutput, reportProblems, withOutput } from '../../command-output.js';
import { interruptible } from '../../interrupts.js';
import type { StatusFlags } from './command.js';

/** Seconds between refreshes by default. */
const defaultInterval = 2;

/** Prints the state of the services, and any problems; resolves to the exit code, which tells whether all is well. */
export function run(context: Context, names: readonly string[], flags: StatusFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const session = await openSession(context, out.reporter, flags);
    const { every, services: wanted } = watchFlag(names, flags);
    const services = selectOnHosts(session.environment.services, wanted, []);
    const text = (document: StatusDocument, page: Page) => statusText(document, page, context.clock.now());
    const request = { services, untouchedHosts: untouchedHosts(session.environment, services) };
    return withEnvironment(session, request, async (connected) => {
      const sources = { session, connected, services, runs: runReader(session.project, out.reporter) };
      if (every !== undefined) return watch(out, sources, { text, every });
      const input = await readStatus(sources);
      const { facts, problems } = input;
      if (Object.keys(facts.hosts).length === 0 && problems.length > 0)
        return reportProblems(out.reporter, problems);
      const document = statusDocument(input);
      out.reporter.result(document, text);
      if (problems.length > 0) return reportProblems(out.reporter, problems);
      return needsAttention(document) ? attentionExitCode : 0;
    });
  });
}

/** The named services, and the seconds between refreshes; absent without `--watch`. */
export function watchFlag(
  names: readonly string[],
  { watch }: Pick<StatusFlags, 'watch'>,
): { readonly services: readonly string[]; readonly every?: number } {
  if (watch === undefined) return { services: names };
  return typeof watch === 'number'
    ? { services: names, every: watch }
    : { services: [watch, ...names], every: defaultInterval };
}

interface Watching {
  readonly text: (document: StatusDocument, page: Page) => string;
  /** Seconds. */
  readonly every: number;
}

/** Refreshes until interrupted; resolves to the exit code. */
async function watch(
  { reporter, output }: CommandOutput,
  sources: StatusSources,
  { text, every }: Watching,
): Promise<number> {
  const { clock } = sources.session.context;
  return interruptible(clock, async (cancel) => {
    for (;;) {
      const done = reporter.busy(`checking ${sources.session.environment.name}`, { late: true });
      const input = await unlessAborted(cancel, readStatus(sources, cancel)).finally(done);
      reporter.screen(statusDocument(input), text);
      if (!(await output.stdout.ready())) return 0;
      await clock.sleep(every * 1000, cancel);
    }
  });
}
