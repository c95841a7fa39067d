import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localFiles } from '../../config/files.js';
import { exitCode, Failure, type FailureKind } from '../../domain/failure.js';
import { confirm } from '../../report/ask.js';
import { checklist, type Finding } from '../../report/checklist.js';
import { bad, caution } from '../doctor/finding.js';
import { aboutHere } from '../doctor/here.js';
import { aboutHosts } from '../doctor/hosts.js';
import { aboutProject, exposedFiles, ignoreLines } from '../doctor/project.js';
import type { Edge } from '../edge.js';
import { openField } from '../field.js';
import type { Globals } from '../grammar/flags.js';
import { openSession, type Session } from '../session.js';
import { speaking, type Voice } from '../speak.js';

export interface DoctorFlags extends Globals {
  readonly env?: string;
  readonly fix: boolean;
  readonly yes: boolean;
}

/** `oneclick doctor`: looks at everything that a deploy needs, whatever else is wrong; changes nothing but with `--fix`. */
export function doctor(edge: Edge, _: readonly string[], flags: DoctorFlags): Promise<number> {
  return speaking(edge, flags, async (voice) => {
    const done = voice.reporter.busy('looking at this machine and the hosts');
    const warnings: string[] = [];
    const session = await sessionOf(edge, voice, flags, warnings);
    if (flags.fix && !(session instanceof Failure)) {
      done();
      await fix(edge, voice, session, flags);
    }
    const findings = await examine(edge, session, warnings).finally(done);
    const environment = session instanceof Failure ? null : session.environment.name;
    voice.reporter.result({ environment, findings }, (document, page) => checklist(document.findings, page));
    return worst(findings);
  });
}

/** The project in its environment, or the Failure that keeps it from being read. */
async function sessionOf(
  edge: Edge,
  { reporter }: Voice,
  flags: DoctorFlags,
  warnings: string[],
): Promise<Session | Failure> {
  const quiet = { ...reporter, warn: (text: string) => void warnings.push(text) };
  try {
    return { ...(await openSession(edge, { reporter: quiet }, flags)), reporter };
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

async function examine(
  edge: Edge,
  session: Session | Failure,
  warnings: readonly string[],
): Promise<readonly Finding[]> {
  if (session instanceof Failure)
    return [
      ...(await aboutHere(edge, false)),
      bad('configuration', 'oneclick.yml', session, 'oneclick config check'),
      caution('hosts', 'all', 'not looked at: the configuration comes first'),
    ];
  const { services } = session.environment;
  const [here, project, hosts] = await Promise.all([
    aboutHere(
      edge,
      services.some(({ image }) => image.kind === 'build'),
    ),
    aboutProject(session, warnings),
    lookAtHosts(session),
  ]);
  return [...here, ...project, ...hosts];
}

async function lookAtHosts(session: Session): Promise<readonly Finding[]> {
  // Secrets are a finding of their own, and no host is asked about them.
  const services = session.environment.services.map((service) => ({ ...service, secrets: [] }));
  const field = await openField(session, services);
  try {
    return await aboutHosts(session, field);
  } finally {
    await field.close();
  }
}

/** Adds what is missing to `.gitignore`, once the person has seen it and said yes. */
async function fix(
  edge: Edge,
  { reporter, ask }: Voice,
  { project }: Session,
  flags: DoctorFlags,
): Promise<void> {
  const lines = await ignoreLines(project.folder, await exposedFiles(edge, project.folder));
  if (lines.length === 0) return reporter.note('there is nothing to fix');
  const question = `Add ${lines.join(' ')} to .gitignore?`;
  if (!flags.yes && !(await confirm(question, ask))) return reporter.note('nothing was changed');
  const path = join(project.folder, '.gitignore');
  const text = (await localFiles.read(path)) ?? '';
  const gap = text === '' || text.endsWith('\n') ? '' : '\n';
  await appendFile(path, `${gap}${lines.map((line) => `${line}\n`).join('')}`);
  reporter.note(`added ${lines.join(' ')} to .gitignore`);
}

const order: readonly FailureKind[] = ['unreachable', 'access', 'usage'];

/** The exit code: 0 where nothing is bad, else that of the worst. */
export function worst(findings: readonly Finding[]): number {
  const kinds = findings.flatMap(({ state, kind = 'failed' }) => (state === 'bad' ? [kind] : []));
  const kind = order.find((candidate) => kinds.includes(candidate));
  return kinds.length === 0 ? 0 : exitCode([kind ?? 'failed']);
}
