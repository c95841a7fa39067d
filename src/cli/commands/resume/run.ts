import type { Context } from '../../../app/context.js';
import { readResumable, resumeRecipe } from '../../../app/resume-run.js';
import { openProject, openSession } from '../../../app/session.js';
import { withOutput } from '../../command-output.js';
import { listenForInterrupts } from '../../interrupts.js';
import { showResult } from '../../recipe-command.js';
import type { ResumeFlags } from './command.js';

/** Resumes a run from its journal on this machine. */
export function run(context: Context, [id]: readonly string[], flags: ResumeFlags): Promise<number> {
  return withOutput(context, flags, async ({ reporter }) => {
    const { revert, without, wait } = flags;
    const journaled = await readResumable(await openProject(context, flags), id, revert);
    const { environment } = journaled.progress.plan.run;
    const session = await openSession(context, reporter, { ...flags, env: environment });
    const interrupts = () => listenForInterrupts(context.clock);
    return showResult(
      reporter,
      session,
      await resumeRecipe(session, journaled, { revert, without, wait, interrupts }),
    );
  });
}
