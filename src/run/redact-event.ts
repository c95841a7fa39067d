import type { RunEvent } from './events.js';

/** Keys of prose and command output. Resume needs all other strings unchanged. */
const prose = new Set(['message', 'hint', 'evidence', 'text', 'because', 'title', 'reason', 'output']);
/** A resumed run needs these unchanged. */
const exact = new Set(['plan', 'intent']);

/** Removes secrets from the texts of an event. Marks a changed receipt, because later steps can no longer use it. */
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
