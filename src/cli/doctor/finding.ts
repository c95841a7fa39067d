import { Failure } from '../../domain/failure.js';
import type { Finding } from '../../report/checklist.js';

/** What is fine. */
export function good(group: string, about: string, text: string): Finding {
  return { group, about, state: 'good', text };
}

/** What is no obstacle yet. */
export function caution(group: string, about: string, text: string, remedy?: string): Finding {
  return { group, about, state: 'caution', text, ...(remedy === undefined ? {} : { remedy }) };
}

/** What a run would fail of; `otherwise` mends it where the failure does not say what does. */
export function bad(group: string, about: string, failure: Failure, otherwise?: string): Finding {
  const { kind, message, hint = otherwise, evidence } = failure;
  const text = [message, ...evidence.slice(0, 10)].join('\n');
  return { group, about, state: 'bad', kind, text, ...(hint === undefined ? {} : { remedy: hint }) };
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
