import { type ConnectedEnvironment, withEnvironment } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import { type ServiceInstance, selectOnHosts, serviceInstances } from '../../../app/instances.js';
import { LogMerge } from '../../../app/logs/merge.js';
import { checkStreamLimit, type LogEntry, readInstance } from '../../../app/logs/read-instance.js';
import { environmentOfRun } from '../../../app/logs/run-logs.js';
import { openProject, openSession, type Session } from '../../../app/session.js';
import { parseDuration } from '../../../config/parsers.js';
import { exitCode, Failure } from '../../../domain/failure.js';
import { given } from '../../../domain/given.js';
import type { LogOptions } from '../../../host/host.js';
import { type CommandOutput, reportProblems, withOutput } from '../../command-output.js';
import { listenForInterrupts } from '../../interrupts.js';
import type { LogsFlags } from './command.js';
import { entryPrinter, messagePrinter } from './printers.js';
import { showRun } from './show-run.js';

/** Lines per instance by default. */
const defaultLines = 100;
/** Lines per container of a past run: as many as are kept with it. */
const keptLines = 200;
/** How long a followed line waits for earlier lines of other hosts, ms. */
const mergeWindow = 300;

/** Merges the logs of all running instances by time. */
export function run(context: Context, names: readonly string[], flags: LogsFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const options = logOptions(flags, context.clock.now());
    const env = flags.env ?? (await environmentOf(context, flags));
    const session = await openSession(context, out.reporter, { ...flags, ...given({ env }) });
    if (flags.run !== undefined) return showRun(out, session, { names, flags, options, run: flags.run });
    const services = selectOnHosts(session.environment.services, names, flags.host);
    return withEnvironment(session, { services, brief: true }, async (connected) => {
      const { facts, problems } = await connected.snapshot();
      const places = serviceInstances(facts, session.id, services);
      checkStreamLimit(places, connected);
      const unreached = problems.filter(({ host }) => host !== undefined);
      if (!flags.follow && !places.some(({ container }) => container !== undefined))
        return unreached.length > 0 ? reportProblems(out.reporter, unreached) : throwNothingRuns(session);
      return stream(out, session, connected, { flags, options, places, problems: unreached });
    });
  });
}

/** The environment of the past run; undefined for other logs. */
async function environmentOf(context: Context, flags: LogsFlags): Promise<string | undefined> {
  return flags.run === undefined ? undefined : environmentOfRun(await openProject(context, flags), flags.run);
}

/** The logs to read, and the hosts that cannot be reached. */
interface LogsRequest {
  readonly flags: LogsFlags;
  readonly options: LogOptions;
  readonly places: readonly ServiceInstance[];
  readonly problems: readonly Failure[];
}

/** Reads, merges and prints to the end, or until interrupted; resolves to the exit code. */
async function stream(
  out: CommandOutput,
  session: Session,
  connected: ConnectedEnvironment,
  request: LogsRequest,
): Promise<number> {
  const { context } = session;
  const { flags, places } = request;
  const problems = flags.follow ? [] : [...request.problems];
  const print = messagePrinter(out);
  for (const { host, message } of request.problems) print(host ?? '', message);
  const interrupts = listenForInterrupts(context.clock);
  const over = new AbortController();
  interrupts.cancel.addEventListener('abort', () => over.abort(interrupts.cancel.reason), { once: true });
  const labels = places.map(({ service, instance }) => ({ service: service.name, host: instance.host }));
  const write = await entryPrinter(out, flags, labels, () => over.abort('reader'));
  const merge = new LogMerge<LogEntry>({
    ...{ clock: context.clock, write },
    window: flags.follow ? mergeWindow : Number.POSITIVE_INFINITY,
  });
  const reading = places.map((place) => {
    const input = merge.open();
    return readInstance(session, connected, place, {
      ...{ follow: flags.follow, options: request.options, signal: over.signal },
      write: (lines) => input.push(matching(lines, flags.grep)),
      notify: (text) => print(place.instance.host, text),
    })
      .finally(() => input.end())
      .catch((error: unknown) => {
        if (over.signal.aborted) return;
        if (!(error instanceof Failure)) return over.abort(error);
        problems.push(error);
        // The others may go on for hours.
        if (flags.follow) print(place.instance.host, messageOf(place, error));
      });
  });
  try {
    await merge.run(over.signal);
    await Promise.all(reading);
    if (flags.follow) return exitCode(problems.map(({ kind }) => kind));
    return problems.length > 0 ? reportProblems(out.reporter, problems) : 0;
  } catch (error) {
    const codes: Readonly<Record<string, number>> = { reader: 0, SIGINT: 130, SIGTERM: 143 };
    const code = codes[String(over.signal.reason)];
    if (!over.signal.aborted || code === undefined) throw error;
    return code;
  } finally {
    interrupts.stop();
    over.abort('reader');
  }
}

/** The message and hint on one line. Names the service even if the container has another name. */
function messageOf({ service }: ServiceInstance, { message, hint }: Failure): string {
  const text = message.includes(service.name) ? message : `${service.name}: ${message}`;
  return hint === undefined ? text : `${text}; ${hint}`;
}

function matching(lines: readonly LogEntry[], text: string | undefined): readonly LogEntry[] {
  return text === undefined ? lines : lines.filter((line) => line.text.includes(text));
}

/** The log options for each engine. Throws a usage Failure for an invalid `--since`. */
export function logOptions(
  flags: Pick<LogsFlags, 'follow' | 'lines' | 'since' | 'grep' | 'run'>,
  now: Date,
): LogOptions {
  const since = flags.since === undefined ? undefined : timeOf(flags.since, now);
  const all = since !== undefined || flags.grep !== undefined;
  const usual = flags.run === undefined ? defaultLines : keptLines;
  const lines = flags.lines ?? (all ? undefined : usual);
  return {
    follow: flags.follow,
    ...given({ lines, since }),
  };
}

function timeOf(text: string, now: Date): string {
  const days = /^(\d{1,4})d$/.exec(text)?.[1];
  const ms = days === undefined ? undefined : Number(days) * 86_400_000;
  const isDuration = ms !== undefined || /^\d+(\.\d+)?(ms|s|m|h)$/.test(text);
  const time = isDuration ? now.getTime() - (ms ?? parseDuration(text)) : Date.parse(text);
  if (!Number.isNaN(time) && (isDuration || /^\d{4}-\d\d-\d\d/.test(text)))
    return new Date(time).toISOString();
  throw new Failure(
    'usage',
    'arguments',
    '--since must be a duration or a time, such as 10m or 2026-11-24T10:00:00Z',
  );
}

function throwNothingRuns({ environment }: Session): never {
  throw new Failure('failed', 'logs.nothing', `none of these services run in ${environment.name}`, {
    hint: `oneclick status --env ${environment.name}`,
  });
}
