import type { Audit } from './audit.js';
import type { Activation, Release } from './release.js';

/** A run as the machine knows it that carried it out. */
export interface KnownRun {
  readonly id: string;
  readonly recipe: string;
  readonly who: string;
  readonly commit?: string;
  /** ISO 8601. */
  readonly started: string;
  /** By service: the image that was asked for, where that is known. */
  readonly services: readonly { readonly name: string; readonly reference?: string }[];
  /** `done`, `reverted` …, or `unfinished`. */
  readonly outcome: string;
  readonly ms?: number;
}

/** One thing that was done to a service of an environment, or to the environment. What is not known is null. */
export interface HistoryEntry {
  readonly at: string;
  readonly who: string;
  /** `deploy`, `rollback`, `adopt`, `lease.take`, or the recipe of a run that released nothing. */
  readonly what: string;
  readonly run: string;
  readonly service: string | null;
  /** The number of the release that it made current. */
  readonly release: number | null;
  readonly reference: string | null;
  readonly image: string | null;
  readonly commit: string | null;
  readonly outcome: string | null;
  readonly ms: number | null;
}

/** What history is made of: what hosts remember, and what this machine does. */
export interface HistorySources {
  readonly activations: readonly { readonly service: string; readonly line: Activation }[];
  readonly audits: readonly Audit[];
  readonly runs: readonly KnownRun[];
}

/**
 * What was done, newest first. Activations stand in the order of the release log, whatever the clocks of those who made
 * them say; the rest is put between them by time.
 */
export function historyOf({ activations, audits, runs }: HistorySources): readonly HistoryEntry[] {
  const known = new Map(runs.map((run) => [run.id, run]));
  const released = new Set(activations.map(({ line }) => line.run));
  const logged = [...activations]
    .sort((a, b) => b.line.order - a.line.order || a.service.localeCompare(b.service))
    .map(({ service, line }) => activated(service, line, known.get(line.run)));
  const others = [
    ...audits.map(audited),
    ...runs.filter(({ id }) => !released.has(id)).flatMap(withoutRelease),
  ].sort((a, b) => b.at.localeCompare(a.at));
  return merge(logged, others);
}

function activated(service: string, line: Activation, run: KnownRun | undefined): HistoryEntry {
  const { at, who, kind, release } = line;
  return {
    ...{ at, who, what: kind, run: line.run, service },
    ...releaseParts(release),
    outcome: run?.outcome ?? null,
    ms: run?.ms ?? null,
  };
}

const releaseParts = ({ number, reference, spec, commit }: Release) => ({
  release: number,
  reference,
  image: spec.image,
  commit: commit ?? null,
});

const noRelease = { release: null, reference: null, image: null };

function audited({ at, who, what, run, whose }: Audit): HistoryEntry {
  const outcome = `from ${whose}`;
  return { at, who, what, run, service: null, ...noRelease, commit: null, outcome, ms: null };
}

function withoutRelease({
  id,
  recipe,
  who,
  commit,
  started,
  services,
  outcome,
  ms,
}: KnownRun): readonly HistoryEntry[] {
  return services.map(({ name, reference }) => ({
    ...{ at: started, who, what: recipe, run: id, service: name },
    ...{ ...noRelease, reference: reference ?? null, commit: commit ?? null, outcome, ms: ms ?? null },
  }));
}

/** The second list, newest first, put into the first, whose order stays. */
function merge(logged: readonly HistoryEntry[], others: readonly HistoryEntry[]): readonly HistoryEntry[] {
  const merged: HistoryEntry[] = [];
  let next = 0;
  for (const entry of logged) {
    for (let other = others[next]; other !== undefined && other.at > entry.at; other = others[next]) {
      merged.push(other);
      next += 1;
    }
    merged.push(entry);
  }
  return [...merged, ...others.slice(next)];
}
