import { containerSpec } from '../domain/container.js';
import { type KeyChange, specChanges } from '../domain/difference.js';
import type { Facts } from '../domain/facts.js';
import { Failure } from '../domain/failure.js';
import { current, findRelease, keepsImage, releaseLog } from '../domain/log.js';
import type { Activation, ContainerSpec } from '../domain/release.js';
import { changedSecrets } from '../domain/rollout.js';
import type { Service } from '../domain/service.js';
import { runLocal } from './local-command.js';
import { orFailure } from './or-failure.js';
import type { Session } from './session.js';

/** One side of a comparison: a release or the configuration. */
export interface DiffSide {
  /** The number of the release; null for the configuration. */
  readonly release: number | null;
  readonly reference: string;
  /** By digest; null if only a deploy can resolve it. */
  readonly image: string | null;
  readonly commit: string | null;
}

/** The differences between releases, as printed by `diff --json`. */
export interface DiffDocument {
  readonly environment: string;
  readonly services: readonly {
    readonly name: string;
    readonly from: DiffSide;
    readonly to: DiffSide;
    readonly keys: readonly KeyChange[];
    /** `+ 3f2a9c Log more` for an added commit, `-` for a removed one; null if not in this repository. */
    readonly commits: readonly string[] | null;
  }[];
}

/**
 * Compares two releases of each service; skips services that lack them. By default compares the previous with the current
 * one. Throws the usage Failure of a service if all lack them.
 */
export async function compareReleases(
  session: Session,
  facts: Facts,
  names: readonly string[],
  releases: readonly string[],
): Promise<DiffDocument> {
  const compared = await Promise.all(names.map((name) => orFailure(compare(session, facts, name, releases))));
  const services = compared.flatMap((result) => (result instanceof Failure ? [] : [result]));
  const failure = compared.find((result) => result instanceof Failure);
  if (services.length === 0 && failure !== undefined) throw failure;
  return { environment: session.environment.name, services };
}

async function compare(
  session: Session,
  facts: Facts,
  name: string,
  releases: readonly string[],
): Promise<DiffDocument['services'][number]> {
  const service = session.environment.services.find((candidate) => candidate.name === name);
  if (service === undefined) throw new Error(`${name} is not a service of the environment`);
  const [from, to] = comparedReleases(releaseLog(facts, name), service, session, releases);
  const commits = await commitsBetween(session, from.shown.commit, to.shown.commit);
  const keys = [...specChanges(from.spec, to.spec), ...rotatedSecrets(session, facts, service, [from, to])];
  return { name, from: from.shown, to: to.shown, keys, commits };
}

/** Secrets of the current release whose values a deploy would change. */
function rotatedSecrets(
  { id }: Session,
  facts: Facts,
  service: Service,
  [from, to]: readonly [Side, Side],
): readonly KeyChange[] {
  const number = current(releaseLog(facts, service.name))?.release.number;
  if (from.shown.release !== number || to.shown.release !== null) return [];
  return changedSecrets(facts, id, service)
    .filter((name) => from.spec.secrets.includes(name))
    .map((name) => ({ key: `secrets.${name}`, from: 'set', to: 'changed' }));
}

interface Side {
  readonly shown: DiffSide;
  readonly spec: ContainerSpec;
}

/** Returns the previous and the current release by default; compares a single named one with the current one. */
export function comparedReleases(
  log: readonly Activation[],
  service: Service,
  session: Pick<Session, 'commit'>,
  [first, second]: readonly string[],
): readonly [Side, Side] {
  const side = (word: string) => sideOf(log, service, session, word);
  if (first === undefined) return [previousSide(log, service), side('current')];
  if (second === undefined && first === 'next') return [side('current'), side('next')];
  if (second === undefined && first === 'current') return [previousSide(log, service), side('current')];
  return [side(first), side(second ?? 'current')];
}

function previousSide(log: readonly Activation[], { name }: Service): Side {
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
      hint: known === '' ? 'oneclick deploy' : `available: ${known}`,
    },
  );
}

function releaseSide({ number, reference, spec, commit }: Activation['release']): Side {
  return { spec, shown: { release: number, reference, image: spec.image, commit: commit ?? null } };
}

/** The release that a plain deploy would create, without asking the registry. */
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

const maxCommits = 20;

/** Null if a commit is missing or not in this repository. */
async function commitsBetween(
  { context, project }: Session,
  from: string | null,
  to: string | null,
): Promise<readonly string[] | null> {
  // Commits come from labels on hosts; they must not be read as options.
  if (![from, to].every((commit) => commit !== null && /^[0-9a-f]{7,40}$/.test(commit))) return null;
  const log = ['log', '--oneline', '--no-decorate', '--no-color', '--left-right', `-${maxCommits + 1}`];
  const argv = ['git', ...log, `${from}...${to}`, '--'];
  const answer = await runLocal(
    { argv, timeout: 10_000 },
    { cwd: project.folder, env: context.env },
    () => undefined,
  ).catch(() => undefined);
  if (answer?.code !== 0) return null;
  const lines = answer.stdout.split('\n').filter((line) => line !== '');
  const signed = lines.map((line) => line.replace(/^>/, '+').replace(/^</, '-'));
  return signed.length > maxCommits ? [...signed.slice(0, maxCommits), 'and more'] : signed;
}
