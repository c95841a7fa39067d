import type { Audit } from './audit.js';
import type { Activation, Release } from './release.js';

/** A run from a journal of this machine. */
export interface KnownRun {
  readonly id: string;
  readonly recipe: string;
  readonly who: string;
  readonly commit?: string;
  /** ISO 8601. */
  readonly started: string;
  /** The services, with the requested image if known. */
  readonly services: readonly { readonly name: string; readonly reference?: string }[];
  /** The result (`done`, `reverted`, …), or `unfinished`. */
  readonly outcome: string;
  readonly ms?: number;
}

/** An action on a service or on the whole environment. Unknown values are null. */
export interface HistoryEntry {
  readonly at: string;
  readonly who: string;
  /** `deploy`, `rollback`, `adopt`, `lease.take`, or the recipe of a run without a release. */
  readonly what: string;
  readonly run: string;
  readonly service: string | null;
  /** The number of the activated release. */
  readonly release: number | null;
  readonly reference: string | null;
  readonly image: string | null;
  readonly commit: string | null;
  readonly outcome: string | null;
  readonly ms: number | null;
}

/** The sources of history: the logs of the hosts and the journals of this machine. */
export interface HistorySources {
  readonly activations: readonly { readonly service: string; readonly line: Activation }[];
  readonly audits: readonly Audit[];
  readonly runs: readonly KnownRun[];
}

/**
 * Returns the history, newest first. Activations keep the order of the release log, regardless of client clocks; other entries
 * are sorted in by time.
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

/** Inserts `others` by time; the order of `logged` stays. */
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
