import { given } from './given.js';

/**
 * The kinds of failure that oneclick knows, each with the exit code that it ends in. Anything thrown that is
 * not a {@link Failure} is a bug.
 */
const exitCodes = {
  /** The step failed and what it did was taken back. */
  failed: 1,
  /** Wrong arguments, configuration or recipe. */
  usage: 2,
  /** Another run holds the lease, or the plan is no longer the one that was confirmed. */
  lease: 3,
  /** Credentials, keys or permissions. */
  access: 4,
  unreachable: 5,
  /** The new release did not become healthy; the old one is back. */
  unhealthy: 6,
  /** Something is not as it was before the run. */
  changed: 7,
  interrupted: 130,
} as const;

export type FailureKind = keyof typeof exitCodes;

/** What a {@link Failure} knows beside its message. */
export interface FailureDetails {
  /** What to type or to change next, as a sentence or a command. */
  readonly hint?: string;
  /** The host on which it happened, by its name. */
  readonly host?: string;
  /** Lines that explain: the last log lines of a container, an HTTP status. Never a secret. */
  readonly evidence?: readonly string[];
  /** Likely to pass by itself, as an engine that restarts: worth another try. */
  readonly transient?: true;
  readonly cause?: unknown;
}

/** An expected failure: `code` is stable and dotted (`host.unreachable`), `message` is for people. */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly code: string;
  readonly hint?: string;
  readonly host?: string;
  readonly evidence: readonly string[];
  readonly transient: boolean;

  constructor(kind: FailureKind, code: string, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'Failure';
    this.kind = kind;
    this.code = code;
    if (details.hint !== undefined) this.hint = details.hint;
    if (details.host !== undefined) this.host = details.host;
    this.evidence = details.evidence ?? [];
    this.transient = details.transient === true;
  }
}

/** What stands in the way of a run, every problem at once; kind and code are those of the first. */
export class Blocked extends Failure {
  readonly problems: readonly Failure[];

  constructor(problems: readonly Failure[]) {
    const [first] = problems;
    const evidence = problems.map(({ host, message }) =>
      host === undefined ? message : `${host}: ${message}`,
    );
    super(
      first?.kind ?? 'failed',
      problems.length === 1 ? (first?.code ?? 'plan.blocked') : 'plan.blocked',
      problems.length === 1 ? (first?.message ?? '') : `${problems.length} problems, nothing was changed`,
      { evidence: evidence },
    );
    this.problems = problems;
  }
}

/** A failure as data: what journals, events and `--json` carry. */
export interface FailureRecord {
  readonly kind: FailureKind;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly host?: string;
  readonly evidence: readonly string[];
}

/** The plain data of any thrown value; what is not a {@link Failure} gets the code `bug`. */
export function failureRecord(error: unknown): FailureRecord {
  if (!(error instanceof Failure)) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', code: 'bug', message, evidence: [] };
  }
  return {
    kind: error.kind,
    code: error.code,
    message: error.message,
    ...given({ hint: error.hint, host: error.host }),
    evidence: error.evidence,
  };
}

const precedence: readonly FailureKind[] = ['changed', 'interrupted', 'unhealthy', 'unreachable', 'access'];

/** The exit code of a run that failed in these ways: 7, then 130, then 6, 5, 4, else the first one's own. */
export function exitCode(kinds: readonly FailureKind[]): number {
  const kind = precedence.find((candidate) => kinds.includes(candidate)) ?? kinds[0];
  return kind === undefined ? 0 : exitCodes[kind];
}
