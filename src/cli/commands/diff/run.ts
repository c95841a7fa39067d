import type { Context } from '../../../app/context.js';
import { runLocal } from '../../../app/local-command.js';
import type { Session } from '../../../app/session.js';
import { containerSpec } from '../../../domain/container.js';
import { specChanges } from '../../../domain/difference.js';
import type { Facts } from '../../../domain/facts.js';
import { Failure } from '../../../domain/failure.js';
import { current, findRelease, keepsImage, releaseLog } from '../../../domain/log.js';
import type { Activation, ContainerSpec } from '../../../domain/release.js';
import type { Service } from '../../../domain/service.js';
import { type DiffDocument, type DiffSide, diffText } from '../../../report/diff.js';
import { viewEnvironment } from '../../view-environment.js';
import type { DiffFlags } from './command.js';

export function run(context: Context, words: readonly string[], flags: DiffFlags): Promise<number> {
  const { releases, names } = sidesOf(words);
  return viewEnvironment(context, names, flags, async ({ session, facts, out, chosen }) => {
    const compared = await Promise.all(
      chosen.map(({ name }) =>
        compare(session, facts, name, releases).catch((error: unknown) => {
          if (error instanceof Failure) return error;
          throw error;
        }),
      ),
    );
    const services = compared.flatMap((one) => (one instanceof Failure ? [] : [one]));
    const failure = compared.find((one) => one instanceof Failure);
    // Services without these releases are skipped, unless there are no others.
    if (services.length === 0 && failure !== undefined) throw failure;
    out.reporter.result({ environment: session.environment.name, services }, diffText);
  });
}

async function compare(
  session: Session,
  facts: Facts,
  name: string,
  releases: readonly string[],
): Promise<DiffDocument['services'][number]> {
  const service = session.environment.services.find((candidate) => candidate.name === name);
  if (service === undefined) throw new Error(`${name} is not a service of the environment`);
  const [from, to] = sides(releaseLog(facts, name), service, session, releases);
  const commits = await commitsBetween(session, from.shown.commit, to.shown.commit);
  return { name, from: from.shown, to: to.shown, keys: specChanges(from.spec, to.spec), commits };
}

/** Releases are numbers, `current` and `next`; other words are service names. */
export function sidesOf(words: readonly string[]): {
  readonly releases: readonly string[];
  readonly names: readonly string[];
} {
  const isRelease = (word: string) => /^\d{1,9}$/.test(word) || word === 'current' || word === 'next';
  const releases = words.filter(isRelease);
  const names = words.filter((word) => !isRelease(word));
  if (releases.length <= 2 && names.length <= 1) return { releases, names };
  throw new Failure('usage', 'arguments', 'expected at most two releases and one service', {
    hint: 'for example: oneclick diff 2 3 web, or oneclick diff current next',
  });
}

interface Side {
  readonly shown: DiffSide;
  readonly spec: ContainerSpec;
}

/** By default the previous and the current release; one named release is compared with the current one. */
export function sides(
  log: readonly Activation[],
  service: Service,
  session: Pick<Session, 'commit'>,
  [first, second]: readonly string[],
): readonly [Side, Side] {
  const side = (word: string) => sideOf(log, service, session, word);
  if (first === undefined) return [before(log, service), side('current')];
  if (second === undefined && first === 'next') return [side('current'), side('next')];
  if (second === undefined && first === 'current') return [before(log, service), side('current')];
  return [side(first), side(second ?? 'current')];
}

function before(log: readonly Activation[], { name }: Service): Side {
  const active = current(log);
  const line = log.findLast(({ release }) => release.number !== active?.release.number);
  if (line !== undefined) return releaseSide(line.release);
  const message = `${name} has no release before its current one`;
  throw new Failure('usage', 'release.unknown', message, {
    hint: 'compare with the configuration: oneclick diff next',
  });
}

function sideOf(
  log: readonly Activation[],
  service: Service,
  session: Pick<Session, 'commit'>,
  word: string,
): Side {
  if (word === 'next') return nextSide(log, service, session);
  const release = word === 'current' ? current(log)?.release : findRelease(log, Number(word));
  if (release !== undefined) return releaseSide(release);
  const known = [...new Set(log.map((line) => line.release.number))].join(', ');
  throw new Failure(
    'usage',
    'release.unknown',
    `${service.name} has no ${word === 'current' ? 'release yet' : `release ${word}`}`,
    {
      hint: known === '' ? 'oneclick deploy' : `it has ${known}`,
    },
  );
}

function releaseSide({ number, reference, spec, commit }: Activation['release']): Side {
  return { spec, shown: { release: number, reference, image: spec.image, commit: commit ?? null } };
}

/** The release that a plain deploy would make, without asking the registry. */
function nextSide(log: readonly Activation[], service: Service, { commit }: Pick<Session, 'commit'>): Side {
  const active = current(log)?.release;
  const { image } = service;
  const stays = active !== undefined && keepsImage(image, active);
  const wanted = image.kind === 'fixed' ? image.reference : `${image.repository}:${commit ?? 'latest'}`;
  const known = stays ? active.spec.image : null;
  return {
    spec: containerSpec(service, known ?? wanted),
    shown: {
      release: null,
      reference: stays ? active.reference : wanted,
      image: known,
      commit: commit ?? null,
    },
  };
}

const most = 20;

/** Null when a commit is missing or not in this repository. */
async function commitsBetween(
  { context, project }: Session,
  from: string | null,
  to: string | null,
): Promise<readonly string[] | null> {
  // Commits come from labels on hosts; they must not be read as options.
  if (![from, to].every((commit) => commit !== null && /^[0-9a-f]{7,40}$/.test(commit))) return null;
  const log = ['log', '--oneline', '--no-decorate', '--no-color', '--left-right', `-${most + 1}`];
  const argv = ['git', ...log, `${from}...${to}`, '--'];
  const answer = await runLocal(
    { argv, timeout: 10_000 },
    { cwd: project.folder, env: context.env },
    () => undefined,
  ).catch(() => undefined);
  if (answer?.code !== 0) return null;
  const lines = answer.stdout.split('\n').filter((line) => line !== '');
  const signed = lines.map((line) => line.replace(/^>/, '+').replace(/^</, '-'));
  return signed.length > most ? [...signed.slice(0, most), 'and more'] : signed;
}
