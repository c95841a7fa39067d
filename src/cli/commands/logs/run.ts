import { type ConnectedEnvironment, withEnvironment } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import { type ServiceInstance, selectOnHosts, serviceInstances } from '../../../app/instances.js';
import { followInstance } from '../../../app/logs/follow.js';
import { type Inlet, LogMerge } from '../../../app/logs/merge.js';
import { openSession, type Session } from '../../../app/session.js';
import { parseDuration } from '../../../config/parsers.js';
import type { ContainerFacts, HostFacts } from '../../../domain/facts.js';
import { Failure } from '../../../domain/failure.js';
import { releaseOf } from '../../../domain/labels.js';
import { serving } from '../../../domain/rollout.js';
import type { LogLine, LogOptions } from '../../../host/host.js';
import { type LogEntry, lineLabeler, logJson } from '../../../report/log-text.js';
import { loadStyle, plainStyle } from '../../../report/style.js';
import { type CommandOutput, reportProblems, withOutput } from '../../command-output.js';
import { listenForInterrupts } from '../../interrupts.js';
import type { LogsFlags } from './command.js';

/** Lines per instance by default. */
const defaultLines = 100;
/** How long (ms) a followed line waits for earlier lines of other hosts. */
const mergeWindow = 300;

/** Merges the logs of all running instances by time. */
export function run(context: Context, names: readonly string[], flags: LogsFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const options = logOptions(flags, context.clock.now());
    const session = await openSession(context, out.reporter, flags);
    const services = selectOnHosts(session.environment.services, names, flags.host);
    return withEnvironment(session, { services, brief: true }, async (connected) => {
      const { facts, problems } = await connected.snapshot();
      const places = serviceInstances(facts, session.id, services);
      checkStreamLimit(places, connected);
      // Missing secrets do not matter for reading logs.
      const unreached = problems.filter(({ host }) => host !== undefined);
      if (!flags.follow && !places.some(({ container }) => container !== undefined))
        return unreached.length > 0 ? reportProblems(out.reporter, unreached) : throwNothingRuns(session);
      return stream(out, session, connected, { flags, options, places, problems: unreached });
    });
  });
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
  const say = sayer(out);
  for (const { host, message } of request.problems) say(host ?? '', message);
  const interrupts = listenForInterrupts(context.clock);
  const over = new AbortController();
  interrupts.cancel.addEventListener('abort', () => over.abort(interrupts.cancel.reason), { once: true });
  const write = await printer(out, flags, places, () => over.abort('reader'));
  const merge = new LogMerge<LogEntry>({
    ...{ clock: context.clock, write },
    window: flags.follow ? mergeWindow : Number.POSITIVE_INFINITY,
  });
  const reading = places.map((place) =>
    read(place, session, connected, request.options, {
      flags,
      inlet: merge.open(),
      say,
      signal: over.signal,
    }).catch((error: unknown) => {
      if (over.signal.aborted) return;
      if (error instanceof Failure) problems.push(error);
      else over.abort(error);
    }),
  );
  try {
    await merge.run(over.signal);
    await Promise.all(reading);
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

interface Reading {
  readonly flags: LogsFlags;
  readonly inlet: Inlet<LogEntry>;
  readonly say: (host: string, text: string) => void;
  readonly signal: AbortSignal;
}

/** Reads the log of one instance into its inlet. */
async function read(
  { service, instance, container }: ServiceInstance,
  session: Session,
  connected: ConnectedEnvironment,
  options: LogOptions,
  { flags, inlet, say, signal }: Reading,
): Promise<void> {
  const { host: name } = instance;
  const { id } = session;
  const served = (facts: HostFacts) => serving(facts, id, service.name)[0];
  const take = (lines: readonly LogLine[], of: ContainerFacts) => {
    const wanted =
      flags.grep === undefined ? lines : lines.filter(({ text }) => text.includes(flags.grep ?? ''));
    const release = releaseOf(of) ?? null;
    return inlet.push(wanted.map((line) => ({ host: name, service: service.name, release, ...line })));
  };
  try {
    const host = connected.hosts.connected.get(name);
    const first = host === undefined || container === undefined ? undefined : { host, container };
    if (flags.follow) {
      const ports = {
        ...{ clock: session.context.clock, take },
        say: (text: string) => say(name, text),
        find: async () => {
          const reached = await connected.reconnect(name, signal);
          const found = served(await connected.readHost(reached));
          return found === undefined ? undefined : { host: reached, container: found };
        },
      };
      await followInstance(first, options, ports, signal);
    } else if (first !== undefined) {
      await first.host.engine.readLogs(
        first.container.id,
        options,
        (lines) => take(lines, first.container),
        signal,
      );
    }
  } finally {
    inlet.end();
  }
}

/** Prints messages of a host to stderr. */
function sayer({ output }: CommandOutput): (host: string, text: string) => void {
  return (host, text) =>
    output.stderr.write(`${host}: ${text.startsWith(`${host}: `) ? text.slice(host.length + 2) : text}\n`);
}

/** Prints lines and waits for a slow reader; calls `onGone` when the reader is gone. */
async function printer(
  { output }: CommandOutput,
  flags: LogsFlags,
  places: readonly ServiceInstance[],
  onGone: () => void,
): Promise<(entries: readonly LogEntry[]) => Promise<void>> {
  const { stdout } = output;
  const several = new Set(places.map(({ service }) => service.name)).size > 1;
  const labelOf = (service: string, host: string) => (several ? `${service}/${host}` : host);
  const label = lineLabeler({
    labels: [...new Set(places.map(({ service, instance }) => labelOf(service.name, instance.host)))],
    style: flags.plain ? plainStyle : await loadStyle(stdout.color),
    aligned: Number.isFinite(stdout.columns),
  });
  const text = (entries: readonly LogEntry[]) =>
    entries.map((entry) => label(labelOf(entry.service, entry.host), entry.text)).join('');
  return async (entries) => {
    stdout.write(flags.json ? logJson(entries) : text(entries));
    if (!(await stdout.ready())) onGone();
  };
}

/** The log options for each engine. Throws a usage Failure for an invalid `--since`. */
export function logOptions(
  flags: Pick<LogsFlags, 'follow' | 'lines' | 'since' | 'grep'>,
  now: Date,
): LogOptions {
  const since = flags.since === undefined ? undefined : timeOf(flags.since, now);
  const all = since !== undefined || flags.grep !== undefined;
  const lines = flags.lines ?? (all ? undefined : defaultLines);
  return {
    follow: flags.follow,
    ...(lines === undefined ? {} : { lines }),
    ...(since === undefined ? {} : { since }),
  };
}

function timeOf(text: string, now: Date): string {
  const days = /^(\d{1,4})d$/.exec(text)?.[1];
  const ms = days === undefined ? undefined : Number(days) * 86_400_000;
  const isDuration = ms !== undefined || /^\d+(\.\d+)?(ms|s|m|h)$/.test(text);
  const time = isDuration ? now.getTime() - (ms ?? parseDuration(text)) : Date.parse(text);
  if (!Number.isNaN(time) && (isDuration || /^\d{4}-\d\d-\d\d/.test(text)))
    return new Date(time).toISOString();
  throw new Failure('usage', 'arguments', `--since ${text} is neither a duration nor a time`, {
    hint: 'use --since 10m or --since 2026-11-24T10:00:00Z',
  });
}

/** Throws a usage Failure when a host cannot stream that many logs at once. */
function checkStreamLimit(
  places: readonly ServiceInstance[],
  { hosts }: Pick<ConnectedEnvironment, 'hosts'>,
): void {
  for (const [name, { engine }] of hosts.connected) {
    const here = places.filter(({ instance }) => instance.host === name);
    if (here.length > engine.streams)
      throw new Failure('usage', 'logs.many', `${name} allows only ${engine.streams} log streams at once`, {
        host: name,
        hint: 'name fewer services, or set `AllowStreamLocalForwarding yes` in its sshd_config',
      });
  }
}

function throwNothingRuns({ environment }: Session): never {
  throw new Failure('failed', 'logs.nothing', `none of these services run in ${environment.name}`, {
    hint: `oneclick status --env ${environment.name}`,
  });
}
