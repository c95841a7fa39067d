import { given } from './given.js';

/** The kinds of failure, with their exit codes. Any other thrown value is a bug. */
const exitCodes = {
  /** A step failed, and everything was undone. */
  failed: 1,
  /** Invalid arguments, configuration or recipe. */
  usage: 2,
  /** Another run holds the lease, or the plan changed after it was confirmed. */
  lease: 3,
  /** Credentials, keys or permissions. */
  access: 4,
  unreachable: 5,
  /** The new release did not become healthy, and the old one is running again. */
  unhealthy: 6,
  /** The run failed and left changes. */
  changed: 7,
  interrupted: 130,
} as const;

/** The exit code of `status` if an instance needs attention. */
export const attentionExitCode = 8;

export type FailureKind = keyof typeof exitCodes;

/** Optional parts of a {@link Failure}. */
export interface FailureDetails {
  /** The next step, as a sentence or a command. */
  readonly hint?: string;
  /** The name of the host where it happened. */
  readonly host?: string;
  /** Supporting lines, such as a container's last log lines. Never contains secrets. */
  readonly evidence?: readonly string[];
  /** Set if a retry may succeed, for example while an engine restarts. */
  readonly transient?: true;
  /** The log of the container that failed, kept with the run. */
  readonly log?: FailedLog;
  readonly cause?: unknown;
}

/** The last lines of a container that failed. */
export interface FailedLog {
  readonly host: string;
  readonly container: string;
  /** Lines, oldest first, at most 200 and 64 KiB. */
  readonly output: string;
}

/** An expected failure. `code` is stable and dotted (`host.unreachable`); `message` is for people. */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly code: string;
  readonly hint?: string;
  readonly host?: string;
  readonly evidence: readonly string[];
  readonly transient: boolean;
  readonly log?: FailedLog;

  constructor(kind: FailureKind, code: string, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'Failure';
    this.kind = kind;
    this.code = code;
    if (details.hint !== undefined) this.hint = details.hint;
    if (details.host !== undefined) this.host = details.host;
    this.evidence = details.evidence ?? [];
    this.transient = details.transient === true;
    if (details.log !== undefined) this.log = details.log;
  }
}

/** All problems that block a run. Has the kind of the first one, and its code if it is the only one. */
export class Blocked extends Failure {
  readonly problems: readonly Failure[];

  constructor(problems: readonly Failure[]) {
    const [first] = problems;
    const lines = problems.map(({ host, message }) => (host === undefined ? message : `${host}: ${message}`));
    super(
      first?.kind ?? 'failed',
      problems.length === 1 ? (first?.code ?? 'plan.blocked') : 'plan.blocked',
      problems.length === 1 ? (first?.message ?? '') : `${problems.length} problems, nothing was changed`,
      { evidence: lines },
    );
    this.problems = problems;
  }
}

/** A failure as plain data, for journals, events and `--json`. */
export interface FailureRecord {
  readonly kind: FailureKind;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly host?: string;
  readonly evidence: readonly string[];
}

/** Converts any thrown value to plain data. Values that are not a {@link Failure} get the code `bug`. */
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

/** Returns the exit code for these failures: 7, 130, 6, 5 and 4 take precedence in this order, then the first one's. */
export function exitCode(kinds: readonly FailureKind[]): number {
  const kind = precedence.find((candidate) => kinds.includes(candidate)) ?? kinds[0];
  return kind === undefined ? 0 : exitCodes[kind];
}
