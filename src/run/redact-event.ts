import type { RunEvent } from './events.js';

/** Keys whose strings are prose or output of commands; all others are needed to the letter to resume. */
const prose = new Set(['message', 'hint', 'evidence', 'text', 'because', 'title', 'reason', 'output']);
/** A resumed run applies these as they were. */
const exact = new Set(['plan', 'intent']);

/** The event without secrets in its texts. A receipt that changed is marked, for it cannot be referred to any more. */
export function redactEvent(event: RunEvent, redact: (text: string) => string): RunEvent {
  const redacted = redactTexts(event, redact, '') as RunEvent;
  if (redacted.type !== 'step.done' || event.type !== 'step.done') return redacted;
  const changed = JSON.stringify(redacted.receipt) !== JSON.stringify(event.receipt);
  return changed ? { ...redacted, redacted: true } : redacted;
}

function redactTexts(value: unknown, redact: (text: string) => string, key: string): unknown {
  if (typeof value === 'string') return prose.has(key) ? redact(value) : value;
  if (Array.isArray(value)) return value.map((item) => redactTexts(item, redact, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      exact.has(name) ? item : redactTexts(item, redact, name),
    ]),
  );
}
