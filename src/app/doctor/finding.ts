import type { FailureRecord } from '../../domain/failure.js';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';

/** What was found where something was looked at. */
export interface Finding {
  readonly group: string;
  /** What was looked at, in a word or two. */
  readonly about: string;
  readonly state: 'good' | 'caution' | 'bad';
  readonly text: string;
  /** The command, or the change, that mends it. */
  readonly remedy?: string;
  /** Of what is bad: how a run would fail of it. */
  readonly kind?: FailureRecord['kind'];
}

/** What is fine. */
export function good(group: string, about: string, text: string): Finding {
  return { group, about, state: 'good', text };
}

/** What is no obstacle yet. */
export function caution(group: string, about: string, text: string, remedy?: string): Finding {
  return { group, about, state: 'caution', text, ...given({ remedy }) };
}

/** What a run would fail of; `otherwise` mends it where the failure does not say what does. */
export function bad(group: string, about: string, failure: Failure, otherwise?: string): Finding {
  const { kind, message, hint = otherwise, evidence } = failure;
  const text = [message, ...evidence.slice(0, 10)].join('\n');
  return { group, about, state: 'bad', kind, text, ...given({ remedy: hint }) };
}

/** What `look` finds, or the Failure that it ends in as a finding: the other looks go on. */
export async function looking(
  group: string,
  about: string,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Failure) return [bad(group, about, error)];
    throw error;
  }
}
