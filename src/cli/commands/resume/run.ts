import type { Context } from '../../../app/context.js';
import { readResumable, resumeRecipe } from '../../../app/resume-run.js';
import { openProject, openSession } from '../../../app/session.js';
import type { Plan } from '../../../run/plan.js';
import { withOutput } from '../../command-output.js';
import { listenForInterrupts } from '../../interrupts.js';
import { showResult } from '../../recipe-command.js';
import type { ResumeFlags } from './command.js';

/** Resumes a run from its journal on this machine. */
export function run(context: Context, [id]: readonly string[], flags: ResumeFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const { revert, without, wait } = flags;
    const journaled = await readResumable(await openProject(context, flags), id, revert);
    const { plan } = journaled.progress;
    const options = { ...flags, env: plan.run.environment, hosts: prunedHosts(plan) };
    const session = await openSession(context, reporter, options);
    const interrupts = () => listenForInterrupts(context.clock);
    return showResult(
      reporter,
      session,
      await resumeRecipe(session, journaled, { revert, without, wait, interrupts }),
    );
  });
}

/** The hosts of a prune, which the configuration may not list any more. */
function prunedHosts({ run, params }: Plan): readonly string[] {
  return run.recipe === 'prune' && typeof params.hosts === 'string' ? params.hosts.split(',') : [];
}
