import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../../app/context.js';
import { checkAll, openForChecks } from '../../../app/doctor/check-all.js';
import type { Finding } from '../../../app/doctor/finding.js';
import { exposedFiles, ignoreLines } from '../../../app/doctor/project.js';
import type { Session } from '../../../app/session.js';
import { localFiles } from '../../../config/files.js';
import { exitCode, Failure, type FailureKind } from '../../../domain/failure.js';
import { checklist } from '../../../report/checklist.js';
import { confirm } from '../../../report/prompter.js';
import { type CommandOutput, withOutput } from '../../command-output.js';
import type { DoctorFlags } from './command.js';

/** Runs all checks even when some fail; changes files only with `--fix`. */
export function run(context: Context, _: readonly string[], flags: DoctorFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const done = out.reporter.busy('checking this machine');
    const { session, warnings } = await openForChecks(context, out.reporter, flags);
    if (flags.fix && !(session instanceof Failure)) {
      done();
      await fix(context, out, session, flags);
    }
    const findings = await checkAll(context, session, warnings).finally(done);
    const environment = session instanceof Failure ? null : session.environment.name;
    out.reporter.result({ environment, findings }, (document, page) => checklist(document.findings, page));
    return worst(findings);
  });
}

/** Adds missing lines to `.gitignore` after confirmation. */
async function fix(
  context: Context,
  { reporter, ask }: CommandOutput,
  { project }: Session,
  flags: DoctorFlags,
): Promise<void> {
  const lines = await ignoreLines(project.folder, await exposedFiles(context, project.folder));
  if (lines.length === 0) return reporter.note('nothing to fix');
  const question = `Add ${lines.join(' ')} to .gitignore?`;
  if (!flags.yes && !(await confirm(question, ask))) return reporter.note('nothing was changed');
  const path = join(project.folder, '.gitignore');
  const text = (await localFiles.read(path)) ?? '';
  const gap = text === '' || text.endsWith('\n') ? '' : '\n';
  await appendFile(path, `${gap}${lines.map((line) => `${line}\n`).join('')}`);
  reporter.note(`added ${lines.join(' ')} to .gitignore`);
}

const order: readonly FailureKind[] = ['unreachable', 'access', 'usage'];

/** The exit code of the worst finding; 0 when none is bad. */
export function worst(findings: readonly Finding[]): number {
  const kinds = findings.flatMap(({ state, kind = 'failed' }) => (state === 'bad' ? [kind] : []));
  const kind = order.find((candidate) => kinds.includes(candidate));
  return kinds.length === 0 ? 0 : exitCode([kind ?? 'failed']);
}
