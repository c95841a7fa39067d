import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withEnvironment } from '../../../app/connect.js';
import type { Context } from '../../../app/context.js';
import type { Finding } from '../../../app/doctor/finding.js';
import { bad, caution } from '../../../app/doctor/finding.js';
import { checkMachine } from '../../../app/doctor/here.js';
import { checkHosts } from '../../../app/doctor/hosts.js';
import { checkProject, exposedFiles, ignoreLines } from '../../../app/doctor/project.js';
import type { Listener } from '../../../app/listener.js';
import { openSession, type Session } from '../../../app/session.js';
import { localFiles } from '../../../config/files.js';
import { exitCode, Failure, type FailureKind } from '../../../domain/failure.js';
import { checklist } from '../../../report/checklist.js';
import { confirm } from '../../../report/prompter.js';
import { type CommandOutput, withOutput } from '../../command-output.js';
import type { DoctorFlags } from './command.js';

/** Runs all checks even when some fail; changes files only with `--fix`. */
export function run(context: Context, _: readonly string[], flags: DoctorFlags): Promise<number> {
  return withOutput(context, flags, async (out) => {
    const done = out.reporter.busy('checking this machine and the hosts');
    const warnings: string[] = [];
    const session = await sessionOf(context, out, flags, warnings);
    if (flags.fix && !(session instanceof Failure)) {
      done();
      await fix(context, out, session, flags);
    }
    const findings = await examine(context, session, warnings).finally(done);
    const environment = session instanceof Failure ? null : session.environment.name;
    out.reporter.result({ environment, findings }, (document, page) => checklist(document.findings, page));
    return worst(findings);
  });
}

/** The session, or the Failure of opening it. */
async function sessionOf(
  context: Context,
  { reporter }: CommandOutput,
  flags: DoctorFlags,
  warnings: string[],
): Promise<Session | Failure> {
  const quiet: Listener = { ...reporter, warn: (text: string) => void warnings.push(text) };
  try {
    return { ...(await openSession(context, quiet, flags)), listener: reporter };
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

async function examine(
  context: Context,
  session: Session | Failure,
  warnings: readonly string[],
): Promise<readonly Finding[]> {
  if (session instanceof Failure)
    return [
      ...(await checkMachine(context, false)),
      bad('configuration', 'oneclick.yml', session, 'oneclick config check'),
      caution('hosts', 'all', 'not checked: fix the configuration first'),
    ];
  const { services } = session.environment;
  const [here, project, hosts] = await Promise.all([
    checkMachine(
      context,
      services.some(({ image }) => image.kind === 'build'),
    ),
    checkProject(session, warnings),
    examineHosts(session),
  ]);
  return [...here, ...project, ...hosts];
}

async function examineHosts(session: Session): Promise<readonly Finding[]> {
  // Secrets are checked elsewhere; hosts do not need them.
  const services = session.environment.services.map((service) => ({ ...service, secrets: [] }));
  const busy = 'checking this machine and the hosts';
  return withEnvironment(session, { services, busy }, (connected) => checkHosts(session, connected));
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
