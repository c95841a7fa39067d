import { Failure } from '../../domain/failure.js';
import { FileJournal, journalPath, listRuns, readJournal } from '../../engine/journal.js';
import { Progress } from '../../engine/progress.js';
import { resumeRun } from '../../engine/run.js';
import { tasks } from '../../tasks/registry.js';
import type { Edge } from '../edge.js';
import { listenForInterrupts } from '../interrupts.js';
import { leases, refuse, tell, Watched } from '../perform.js';
import type { Globals } from '../program.js';
import { openField, openSession, runsDir } from '../session.js';
import { speaking } from '../speak.js';

interface ResumeFlags extends Globals {
  readonly env?: string;
  readonly revert: boolean;
  readonly wait: boolean;
}

/** `oneclick resume`: goes on with a run that this machine has the journal of, with that run's own plan. */
export function resume(edge: Edge, [id]: readonly string[], flags: ResumeFlags): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const { project } = await openSession(edge, voice, flags);
    const dir = runsDir(project);
    const run = id ?? (await unfinished(dir));
    const events = await readJournal(journalPath(dir, run));
    const { plan } = Progress.of(events);
    const session = await openSession(edge, voice, { ...flags, env: plan.run.environment });
    const field = await openField(session, plan.services);
    const interrupts = listenForInterrupts(edge.clock);
    const journal = new FileJournal(dir, run);
    const watched = new Watched((event) => voice.reporter.event(event));
    const started = edge.clock.monotonic();
    try {
      const { problems } = await field.look();
      if (problems.length > 0) return refuse(session, problems);
      for (const event of events) if (event.type === 'run.started') voice.reporter.event(event);
      const outcome = await resumeRun({
        events,
        revert: flags.revert,
        registry: tasks,
        world: field.world,
        clock: edge.clock,
        journal,
        leases: leases(session, field, flags.wait),
        emit: watched.event,
        readFacts: field.facts,
        cancel: interrupts.cancel,
        abandon: interrupts.abandon,
      });
      await tell(session, field, plan, outcome, watched, edge.clock.monotonic() - started);
      return outcome.exitCode;
    } finally {
      interrupts.stop();
      await journal.close();
      await field.close();
    }
  });
}

async function unfinished(dir: string): Promise<string> {
  const runs = await listRuns(dir);
  const open = runs.find((run) => run.state === 'unfinished' || run.state === 'undoing');
  if (open !== undefined) return open.id;
  throw new Failure('usage', 'resume.none', 'no run of this project on this machine is unfinished', {
    hint: 'run the same command again: what is on the servers is enough to go on',
  });
}
