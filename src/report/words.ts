import { duration } from '../domain/measure.js';
import type { RunEvent } from '../run/events.js';
import { type Calls, callText } from './calls.js';
import type { Active, Finished, RunView } from './view.js';

/** A step that ended, as a sentence: `web-1: start web-4 (0.3s)`. */
export function sentence({ kind, label, title, ms, reason }: Finished): string {
  const took = ms === undefined ? '' : ` (${duration(ms)})`;
  switch (kind) {
    case 'done':
      return `${label}: ${title}${took}`;
    case 'skipped':
      return `${label}: ${reason}`;
    case 'failed':
      return `${label}: failed: ${title}${took}: ${reason}`;
    case 'undone':
      return `${label}: taken back: ${title}${took}`;
    case 'undo-failed':
      return `${label}: could not be taken back: ${title}${took}: ${reason}`;
    case 'never':
      return `${label}: not taken back: ${title}: ${reason}`;
  }
}

/** A step under way and how far it is: `wait for health: 503 from /up, until 12:03:30`. */
export function stage({ title, undo, text }: Active): string {
  return `${undo ? 'taking back: ' : ''}${title}${text === undefined ? '' : `: ${text}`}`;
}

/** What is waited for: the longest step under way, and how many others. */
export function waiting(active: readonly Active[], now: number): string | undefined {
  const [first] = active;
  if (first === undefined) return undefined;
  const others = active.length > 1 ? ` and ${active.length - 1} more` : '';
  return `waiting for ${first.label}${others} (${duration(now - first.since)}): ${stage(first)}`;
}

/** Something without steps that is under way. */
export interface Busy {
  readonly text: string;
  readonly since: number;
  /** It is said only once it takes long. */
  readonly late: boolean;
}

/** After so much silence a person wants to know what is waited for, ms. */
export const silence = 5_000;

/** A call that is so short is not what is waited for, ms. */
const brief = 2_000;

/** What is waited for after a silence: a step and, where that is known, until when; else the call to a host that takes longest. */
export function waitingFor(active: readonly Active[], calls: Calls, now: number): string | undefined {
  const step = waiting(active, now);
  const call = calls.longest(active[0]?.label);
  if (step !== undefined)
    return call === undefined || /\b(?:until|timeout) \d/.test(step) ? step : `${step}${calls.until(call)}`;
  if (call === undefined || now - call.since < brief) return undefined;
  const others = calls.hosts - 1;
  const { host } = call.call;
  return `waiting for ${host}${others > 0 ? ` and ${others} more` : ''} (${duration(now - call.since)}): ${callText(call.call)}${calls.until(call)}`;
}

/** What an event that is not about a step's course says, where it says something. */
export function announcement(
  event: RunEvent,
  view: Pick<RunView, 'label' | 'changed'>,
): { readonly text: string; readonly warning: boolean } | undefined {
  if (event.type === 'run.resumed') {
    const how = event.direction === 'revert' ? 'taking back what was done' : 'going on where it ended';
    return { text: `resumed: ${how}`, warning: false };
  }
  if (event.type === 'run.warning') {
    const where = event.step === undefined ? '' : `${view.label(event.step)}: `;
    return { text: where + event.text, warning: true };
  }
  if (event.type === 'run.cancelled') {
    const then = event.policy === 'revert' ? 'taking back what was done' : 'stopping where it is';
    return { text: `interrupted by ${event.by}: ${then}`, warning: true };
  }
  if (event.type === 'run.committed' && view.changed)
    return { text: 'committed: from here on only forward', warning: false };
  return undefined;
}
