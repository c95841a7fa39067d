import type { RunEvent } from './events.js';

/** Keys of prose and command output, redacted outside plans and intents. */
const prose = new Set(['message', 'hint', 'evidence', 'text', 'because', 'title', 'reason', 'output']);
/** Keys of values that a user writes freely, redacted everywhere. All other values identify something. */
const freeForm = new Set(['env', 'args', 'docker', 'command', 'params']);
/** A resumed run needs names in these unchanged. */
const exact = new Set(['plan', 'intent']);

type Texts = 'none' | 'prose' | 'all';

/** Removes secrets from the texts of an event. Marks a changed plan, intent or receipt, because a resumed run cannot use it. */
export function redactEvent(event: RunEvent, redact: (text: string) => string): RunEvent {
  const redacted = redactTexts(event, redact, 'prose', '') as RunEvent;
  return JSON.stringify(dataOf(redacted)) === JSON.stringify(dataOf(event))
    ? redacted
    : ({ ...redacted, redacted: true } as RunEvent);
}

/** The part of an event that a resumed run uses. */
function dataOf(event: RunEvent): unknown {
  if (event.type === 'run.started') return event.plan;
  if (event.type === 'step.started') return event.intent;
  return event.type === 'step.skipped' || event.type === 'step.done' ? event.receipt : undefined;
}

function redactTexts(value: unknown, redact: (text: string) => string, texts: Texts, key: string): unknown {
  if (typeof value === 'string')
    return texts === 'all' || (texts === 'prose' && prose.has(key)) ? redact(value) : value;
  if (Array.isArray(value)) return value.map((item) => redactTexts(item, redact, texts, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      redactTexts(item, redact, textsAt(name, texts), name),
    ]),
  );
}

function textsAt(key: string, outside: Texts): Texts {
  if (outside === 'all' || freeForm.has(key)) return 'all';
  return exact.has(key) ? 'none' : outside;
}
