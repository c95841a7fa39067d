import type { Project } from '../../config/load.js';
import { failedName, isOurs } from '../../domain/container.js';
import type { ContainerFacts, Facts } from '../../domain/facts.js';
import { Failure } from '../../domain/failure.js';
import { label, releaseOf } from '../../domain/labels.js';
import type { LogLine, LogOptions } from '../../host/host.js';
import type { RunEvent } from '../../run/events.js';
import { journalPath, readJournal } from '../../run/journal.js';
import { stepsOf } from '../../run/walk.js';
import type { ConnectedEnvironment } from '../connect.js';
import { runsDir } from '../runs.js';
import type { Session } from '../session.js';
import type { LogEntry } from './read-instance.js';

/** The lines of a failed container that are kept with the run. */
export interface KeptLog {
  readonly host: string;
  readonly service: string;
  readonly container: string;
  /** When the step failed, ISO 8601. The lines have no times of their own. */
  readonly time: string;
  readonly lines: readonly string[];
}

/** The run, and the part of its logs to read. */
export interface RunLogsRequest {
  readonly run: string;
  /** The names of the services; empty for all. */
  readonly services: readonly string[];
  /** The names of the hosts; empty for all. */
  readonly hosts: readonly string[];
  readonly options: LogOptions;
  readonly kept: readonly KeptLog[];
}

/** The lines of a run by time, and the hosts and containers that could not be read. */
export interface RunLogs {
  readonly entries: readonly LogEntry[];
  readonly problems: readonly Failure[];
}

/** Returns the environment of a run with a journal on this machine. Throws as {@link keptLogs}. */
export async function environmentOfRun(
  project: Pick<Project, 'folder'>,
  run: string,
): Promise<string | undefined> {
  const [first] = await eventsOf(project, run);
  return first?.type === 'run.started' ? first.plan.run.environment : undefined;
}

function eventsOf(project: Pick<Project, 'folder'>, run: string): Promise<readonly RunEvent[]> {
  return readJournal(journalPath(runsDir(project), run)).catch((error: unknown) => {
    if (error instanceof Failure && error.code === 'journal.missing') return [];
    throw error;
  });
}

/**
 * Returns the lines that the journal on this machine keeps; none without a journal. Throws a usage Failure if the run ID is invalid, if
 * the journal cannot be read, or if the run was in another environment.
 */
export async function keptLogs({ project, id }: Session, run: string): Promise<readonly KeptLog[]> {
  const events = await eventsOf(project, run);
  const [first] = events;
  if (first?.type !== 'run.started') return [];
  const { plan } = first;
  if (plan.run.environment !== id.environment)
    throw new Failure('usage', 'logs.environment', `run ${run} was in ${plan.run.environment}`, {
      hint: `oneclick logs --run ${run} --env ${plan.run.environment}`,
    });
  const services = new Map(
    [...stepsOf(plan.steps), ...stepsOf(plan.after)].map((step) => [step.id, step.service ?? '']),
  );
  const started = new Map<string, string>();
  return events.flatMap((event: RunEvent) => {
    if (event.type === 'step.started') started.set(event.step, event.at);
    if (event.type !== 'step.failed' || event.log === undefined) return [];
    const { host, container, output } = event.log;
    const begun = Date.parse(started.get(event.step) ?? plan.run.started);
    const time = new Date(begun + event.ms).toISOString();
    const service = services.get(event.step) ?? '';
    return [{ host, container, service, time, lines: output.split('\n') }];
  });
}

/** Reads the logs of a run's containers, release commands included; for those that are gone or unreachable, the kept lines. */
export async function readRunLogs(
  { id }: Pick<Session, 'id'>,
  connected: Pick<ConnectedEnvironment, 'hosts' | 'snapshot'>,
  { run, services, hosts, options, kept }: RunLogsRequest,
): Promise<RunLogs> {
  const snapshot = await connected.snapshot();
  // Reading logs needs no secrets.
  const problems = snapshot.problems.filter(({ host }) => host !== undefined);
  const isChosen = (host: string, service: string) =>
    (services.length === 0 || services.includes(service)) && (hosts.length === 0 || hosts.includes(host));
  const read = new Set<string>();
  const entries: LogEntry[] = [];
  await Promise.all(
    containersOfRun(snapshot.facts, run).map(async ({ host, container }) => {
      const service = container.labels[label.service] ?? '';
      const engine = connected.hosts.connected.get(host)?.engine;
      if (!isOurs(container, id) || !isChosen(host, service) || engine === undefined) return;
      const lines: LogLine[] = [];
      try {
        await engine.readLogs(container.id, { ...options, follow: false }, async (some) => {
          lines.push(...some);
        });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        problems.push(error);
        return;
      }
      read.add(`${host}/${container.name}`);
      const release = releaseOf(container) ?? null;
      entries.push(...lines.map((line) => ({ host, service, release, ...line })));
    }),
  );
  const gone = kept.filter(
    ({ host, container, service }) =>
      isChosen(host, service) &&
      !read.has(`${host}/${container}`) &&
      !read.has(`${host}/${failedName(container, run)}`),
  );
  entries.push(...gone.flatMap((log) => keptEntries(log, options)));
  return { entries: entries.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)), problems };
}

function containersOfRun(
  { hosts }: Facts,
  run: string,
): readonly { readonly host: string; readonly container: ContainerFacts }[] {
  return Object.values(hosts).flatMap(({ host, containers }) =>
    containers
      .filter(
        ({ labels }) =>
          labels[label.run] === run && ['service', 'command'].includes(labels[label.role] ?? ''),
      )
      .map((container) => ({ host, container })),
  );
}

function keptEntries({ host, service, time, lines }: KeptLog, { since = '', lines: count }: LogOptions) {
  if (time < since || count === 0) return [];
  return lines
    .slice(count === undefined ? 0 : -count)
    .map((text): LogEntry => ({ host, service, release: null, time, stream: 'stdout', text }));
}
