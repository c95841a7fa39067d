import type { Facts } from '../domain/facts.js';
import { given } from '../domain/given.js';
import { type HistoryEntry, historyOf, type KnownRun } from '../domain/history.js';
import { linesOf } from '../domain/log.js';
import type { Service } from '../domain/service.js';
import { audits } from './audits.js';
import type { ConnectedEnvironment } from './connect.js';
import { type ReadableRun, runReader } from './runs.js';
import type { Session } from './session.js';

/** The past runs of an environment, as printed by `history --json`. */
export interface HistoryDocument {
  readonly environment: string;
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
  /** The number of older entries that are not included. */
  readonly older: number;
}

/** The environment of a history, and the services and number of entries to include. */
export interface HistoryRequest {
  readonly connected: ConnectedEnvironment;
  readonly facts: Facts;
  readonly services: readonly Service[];
  /** Whether to include takeovers of leases, which belong to no service. */
  readonly includeAudits: boolean;
  readonly limit: number;
}

/** Combines the release logs and audits of the hosts with the journals on this machine. */
export async function readHistory(
  { environment: { project, name }, project: source, listener }: Session,
  { connected, facts, services, includeAudits, limit }: HistoryRequest,
): Promise<HistoryDocument> {
  const [taken, runs] = await Promise.all([
    audits([...connected.hosts.connected.values()], { project, environment: name }),
    runReader(source, listener)(),
  ]);
  const all = historyOf({
    activations: activationsOf(facts, services),
    audits: includeAudits ? taken : [],
    runs: runs.flatMap((run) => knownRun(run, name, services)),
  });
  const history = all.slice(0, limit);
  return { environment: name, history, older: all.length - history.length };
}

function activationsOf(facts: Facts, services: readonly Service[]) {
  return services.flatMap(({ name }) => linesOf(facts, name).map((line) => ({ service: name, line })));
}

/** The run with only the chosen services; empty for another environment. */
function knownRun(
  summary: ReadableRun,
  environment: string,
  chosen: readonly Service[],
): readonly KnownRun[] {
  if (summary.run.environment !== environment) return [];
  const { id, run, outcome, ms } = summary;
  const services = summary.services
    .filter(({ name }) => chosen.some((service) => service.name === name))
    .map(({ name, image }) => ({
      name,
      ...(run.recipe === 'deploy' && image.kind === 'fixed' ? { reference: image.reference } : {}),
    }));
  const { recipe, who, started, commit } = run;
  return [
    {
      ...{ id, recipe, who, started, services },
      outcome: outcome?.result ?? 'unfinished',
      ...given({ commit, ms }),
    },
  ];
}
