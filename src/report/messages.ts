import { duration } from '../domain/measure.js';
import type { RunEvent } from '../run/events.js';
import { type Calls, callText } from './calls.js';
import type { Active, Finished, RunView } from './view.js';

/** Returns the plain line of a finished step: `web-1: start web-4 (0.3s)`. */
export function finishedText({ kind, label, title, ms, reason }: Finished): string {
  const took = ms === undefined ? '' : ` (${duration(ms)})`;
  switch (kind) {
    case 'done':
      return `${label}: ${title}${took}`;
    case 'skipped':
      return `${label}: ${reason}`;
    case 'failed':
      return `${label}: failed: ${title}${took}: ${reason}`;
    case 'undone':
      return `${label}: undone: ${title}${took}`;
    case 'undo-failed':
      return `${label}: undo failed: ${title}${took}: ${reason}`;
    case 'never':
      return `${label}: not undone: ${title}: ${reason}`;
  }
}

/** Returns a running step and its progress: `pull api:v2: 12 of 40 MB`. */
export function activeText({ title, undo, text }: Active): string {
  return `${undo ? 'undoing: ' : ''}${title}${text === undefined ? '' : `: ${text}`}`;
}

/** Running work that is not a step. */
export interface Activity {
  readonly text: string;
  readonly since: number;
  /** Shown only once it takes long. */
  readonly late: boolean;
}

/** Time without news, in ms, after which reporters show the current wait. */
export const maxSilence = 5_000;

/** Calls younger than this, in ms, are not worth reporting. */
const minCallWait = 2_000;

/**
 * Returns the longest wait: `waiting for web-1 and 2 more: connect to … (timeout 14:23:05)`. Prefers steps over calls.
 * Shows the elapsed time if no timeout is known.
 */
export function waitText(active: readonly Active[], calls: Calls, now: number): string | undefined {
  const [step] = active;
  const call = calls.longest(step?.label);
  const line = (name: string, count: number, text: string, since: number) => {
    const others = count > 1 ? ` and ${count - 1} more` : '';
    const time = (call && calls.timeoutText(call)) ?? duration(now - since);
    return `waiting for ${name}${others}: ${text}${/\(timeout \d/.test(text) ? '' : ` (${time})`}`;
  };
  if (step !== undefined) return line(step.label, active.length, activeText(step), step.since);
  if (call === undefined || now - call.since < minCallWait) return undefined;
  return line(call.call.host, calls.hostCount, callText(call.call), call.since);
}

/** Returns the text of a run event that is not a step's; undefined for events without one. */
export function eventNotice(
  event: RunEvent,
  view: Pick<RunView, 'label' | 'changed'>,
): { readonly text: string; readonly warning: boolean } | undefined {
  if (event.type === 'run.resumed') {
    const action =
      event.direction === 'revert' ? 'undoing the finished steps' : 'continuing where it stopped';
    return { text: `resumed: ${action}`, warning: false };
  }
  if (event.type === 'run.warning') {
    const label = event.step === undefined ? '' : `${view.label(event.step)}: `;
    return { text: label + event.text, warning: true };
  }
  if (event.type === 'run.cancelled') {
    const action = event.policy === 'revert' ? 'undoing the finished steps' : 'stopping without undo';
    return { text: `interrupted by ${event.by}: ${action}`, warning: true };
  }
  if (event.type === 'run.committed' && view.changed)
    return { text: 'committed (no automatic rollback from here)', warning: false };
  return undefined;
}
