import type { Facts } from '../domain/facts.js';
import { Blocked, Failure } from '../domain/failure.js';
import { parentRuns, startedByRun } from '../domain/parent-run.js';
import { type JournaledRun, journalPath, listRuns, readRun } from '../run/journal.js';
import { resumeDirection } from '../run/resume.js';
import { resumeRun } from '../run/run.js';
import { stepsOf } from '../run/walk.js';
import { tasks } from '../tasks/registry.js';
import { requireKnown, untouchedHosts } from './choose-services.js';
import { type ConnectedEnvironment, withEnvironment } from './connect.js';
import { executeRun, type OpenInterrupts } from './execute-run.js';
import { needsToResume, secretsOf } from './needs.js';
import { readFactsFor, requireSecrets } from './plan-facts.js';
import { hostsOf, keptSteps, type ResumedRun, withoutHosts } from './resumed-run.js';
import { blockedAsResult, type RecipeResult } from './run-recipe.js';
import type { RunReport } from './run-report.js';
import { runsDir } from './runs.js';
import type { Session } from './session.js';

export interface ResumeRequest {
  /** Undo the run instead of resuming it. */
  readonly revert: boolean;
  /** Hosts that are gone for good; their steps are left out. */
  readonly without: readonly string[];
  /** Wait for a lease that another run holds. */
  readonly wait: boolean;
  readonly interrupts: OpenInterrupts;
}

/**
 * Reads the journal of the run with this ID, or of the last unfinished run. Throws a usage Failure if there is none, or if
 * it cannot be resumed.
 */
export async function readResumable(
  project: Session['project'],
  id: string | undefined,
  revert: boolean,
): Promise<JournaledRun> {
  const dir = runsDir(project);
  const journaled = await readRun(journalPath(dir, id ?? (await lastUnfinished(dir))), tasks);
  resumeDirection(journaled.progress, tasks, revert);
  return journaled;
}

/**
 * Resumes a run by its own plan; the session must be for the run's environment. Throws a usage Failure for unknown hosts,
 * and a Failure `lease.own` if that run started this process.
 */
export async function resumeRecipe(
  session: Session,
  journaled: JournaledRun,
  { revert, without, wait, interrupts }: ResumeRequest,
): Promise<RecipeResult> {
  const { run } = journaled.progress.plan;
  if (parentRuns(session.context.env).includes(run.id))
    throw startedByRun(run, 'a run cannot resume itself', `run it after run ${run.id}`);
  const all = hostsOf(journaled.progress.plan);
  for (const host of without) requireKnown('host', host, all);
  const resumed = withoutHosts(journaled, without);
  const { plan, progress } = resumed;
  const needs = needsToResume(plan, progress.receipts, tasks);
  const others = [...untouchedHosts(session.environment, plan.services), ...without];
  const secrets = secretsOf(plan, needs);
  const connect = { services: plan.services, needs, secrets, untouchedHosts: others };
  const result = await blockedAsResult(() =>
    withEnvironment(session, connect, async (connected): Promise<RecipeResult> => {
      connected.ready();
      if (needs.has('hosts')) requireConfigured(session, resumed);
      for (const event of journaled.events) if (event.type === 'run.started') session.listener.event(event);
      const report = await resumeOn(session, connected, resumed, { revert, wait, interrupts });
      return { kind: 'ran', report };
    }),
  );
  return result.kind === 'blocked' ? { ...result, ...withoutAdvice(result.problems, resumed) } : result;
}

function resumeOn(
  session: Session,
  connected: ConnectedEnvironment,
  resumed: ResumedRun,
  { revert, wait, interrupts }: Omit<ResumeRequest, 'without'>,
): Promise<RunReport> {
  const { plan, events, without, progress } = resumed;
  const creates = resumeDirection(progress, tasks, revert) === 'forward';
  const steps = [...stepsOf(plan.steps), ...stepsOf(plan.after)];
  const leftOut = steps.filter(({ host = '' }) => without.has(host));
  const finished = new Map([...leftOut.map(({ id }) => [id, {}] as const), ...progress.receipts]);
  const readFacts = async () => {
    if (!creates) return connected.facts();
    const facts = await readFactsFor(connected, plan, finished);
    requireSecrets(plan, facts, finished);
    return facts;
  };
  const execution = { plan, wait, interrupts, earlier: events, readFacts };
  return executeRun(session, connected, execution, (ports, report) =>
    resumeRun({
      ...ports,
      ...{ events, revert, without },
      keep(facts: Facts, direction) {
        requireUnreachable(facts, resumed);
        const { steps, superseded } = keptSteps(resumed, facts, direction);
        for (const [service, because] of superseded) {
          report.omit(service);
          if (direction === 'forward')
            session.listener.note(`nothing is left to do for ${service}: ${because}`);
        }
        return steps;
      },
    }),
  );
}

/** Throws if a host of the run is no longer in the configuration. */
function requireConfigured({ environment }: Session, { plan }: ResumedRun): void {
  const known = new Set(environment.hosts.map(({ name }) => name));
  const missing = hostsOf(plan).filter((host) => !known.has(host));
  if (missing.length === 0) return;
  const message = `not a host of ${environment.name} any more`;
  throw new Blocked(missing.map((host) => new Failure('unreachable', 'host.unknown', message, { host })));
}

/** Throws if a host that is to be left out answers: the run could then be undone there too. */
function requireUnreachable(facts: Facts, { plan, without }: ResumedRun): void {
  const host = [...without].find((name) => facts.hosts[name] !== undefined);
  if (host === undefined) return;
  throw new Failure('usage', 'resume.reachable', `${host} responds, so it cannot be left out`, {
    ...{ host, hint: `resume on all hosts: oneclick resume ${plan.run.id}` },
  });
}

/** How to continue without the hosts that cannot be reached. */
function withoutAdvice(
  problems: readonly Failure[],
  { plan, progress, without }: ResumedRun,
): { next?: string } {
  const gone = problems.flatMap(({ kind, host }) => (host !== undefined && isAway(kind) ? [host] : []));
  if (gone.length === 0) return {};
  const revert = progress.committed || progress.committing ? '' : ' --revert';
  const options = [...new Set([...without, ...gone])].map((host) => `--without ${host}`).join(' ');
  const subject = gone.length === 1 ? `${gone[0]} is` : 'they are';
  return { next: `if ${subject} gone for good, run: oneclick resume ${plan.run.id}${revert} ${options}` };
}

/** A terminated machine does not respond, or its address now belongs to another one with a different key. */
const isAway = (kind: Failure['kind']) => kind === 'unreachable' || kind === 'access';

async function lastUnfinished(dir: string): Promise<string> {
  const runs = await listRuns(dir);
  const open = runs.find((run) => run.state === 'unfinished' || run.state === 'undoing');
  if (open !== undefined) return open.id;
  throw new Failure('usage', 'resume.none', 'this machine has no unfinished run of this project', {
    hint: 'run the command again; it continues from the state of the hosts',
  });
}
