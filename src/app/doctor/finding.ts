import type { FailureRecord } from '../../domain/failure.js';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';

/** The result of a check. */
export interface Finding {
  readonly group: string;
  /** The subject of the check, in a word or two. */
  readonly about: string;
  readonly state: 'good' | 'caution' | 'bad';
  readonly text: string;
  /** The command or change that fixes it. */
  readonly remedy?: string;
  /** For a failed check: the kind of failure it would cause. */
  readonly kind?: FailureRecord['kind'];
}

/** Returns the finding of a passed check. */
export function passed(group: string, about: string, text: string): Finding {
  return { group, about, state: 'good', text };
}

/** Returns a finding that does not block a run. */
export function warning(group: string, about: string, text: string, remedy?: string): Finding {
  return { group, about, state: 'caution', text, ...given({ remedy }) };
}

/** Returns the finding of a failed check; `fallbackHint` is used if the failure has no hint. */
export function failed(group: string, about: string, failure: Failure, fallbackHint?: string): Finding {
  const { kind, message, hint = fallbackHint, evidence } = failure;
  const text = [message, ...evidence.slice(0, 10)].join('\n');
  return { group, about, state: 'bad', kind, text, ...given({ remedy: hint }) };
}

/** Runs a check; a Failure becomes a finding, so that other checks continue. */
export async function check(
  group: string,
  about: string,
  run: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Failure) return [failed(group, about, error)];
    throw error;
  }
}
