import { audits } from '../../../app/audits.js';
import type { Context } from '../../../app/context.js';
import { type ReadableRun, runReader } from '../../../app/runs.js';
import type { Facts } from '../../../domain/facts.js';
import { historyOf, type KnownRun } from '../../../domain/history.js';
import { linesOf } from '../../../domain/log.js';
import type { Service } from '../../../domain/service.js';
import { historyText } from '../../../report/history.js';
import { viewEnvironment } from '../../view-environment.js';
import type { HistoryFlags } from './command.js';

/** Combines the release logs and audits of the hosts with the journals on this machine. */
export function run(context: Context, names: readonly string[], flags: HistoryFlags): Promise<number> {
  return viewEnvironment(context, names, flags, async ({ session, connected, facts, out, chosen }) => {
    const { project, name } = session.environment;
    const [taken, runs] = await Promise.all([
      audits([...connected.hosts.connected.values()], { project, environment: name }),
      runReader(session.project, out.reporter)(),
    ]);
    const all = historyOf({
      activations: activationsOf(facts, chosen),
      audits: names.length > 0 ? [] : taken,
      runs: runs.flatMap((run) => knownRun(run, name, chosen)),
    });
    const shown = all.slice(0, flags.number);
    out.reporter.result(
      { environment: name, history: shown, older: all.length - shown.length },
      (document, page) => historyText(document, page, context.clock.now()),
    );
  });
}

function activationsOf(facts: Facts, services: readonly Service[]) {
  return services.flatMap(({ name }) => linesOf(facts, name).map((line) => ({ service: name, line })));
}

/** The run with the chosen services only; empty when it is of another environment. */
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
      ...(commit === undefined ? {} : { commit }),
      ...(ms === undefined ? {} : { ms }),
    },
  ];
}
