import { duration } from '../domain/measure.js';
import type { Style } from './style.js';
import { cut, oneLine, onHosts, shortDigests, width } from './text.js';
import type { Finished } from './view.js';

/** How long to wait for more steps of the same title, ms. */
const groupingWindow = 300;

interface Group {
  readonly step: Finished;
  readonly hosts: string[];
  ms: number | undefined;
  last: number;
}

/** Folds finished steps into lines: those with the same text that finish at about the same time become one. */
export class FinishedLines {
  readonly #style: Style;
  #groups = new Map<string, Group>();

  constructor(style: Style) {
    this.#style = style;
  }

  add(step: Finished, now: number): void {
    const key = JSON.stringify([
      step.kind,
      step.title,
      step.reason,
      step.host === undefined ? step.label : '',
    ]);
    const group = this.#groups.get(key) ?? { step, hosts: [], ms: undefined, last: now };
    if (step.host !== undefined && !group.hosts.includes(step.host)) group.hosts.push(step.host);
    if (step.ms !== undefined) group.ms = Math.max(group.ms ?? 0, step.ms);
    group.last = now;
    this.#groups.set(key, group);
  }

  /** Removes and returns the lines of complete groups; failures are complete at once. */
  takeComplete(columns: number, now: number, isActive: (title: string) => boolean): string[] {
    return this.#take(columns, ({ step, last }) => {
      if (step.kind === 'failed' || step.kind === 'undo-failed') return true;
      return now - last >= groupingWindow && !isActive(step.title);
    });
  }

  /** Removes and returns the lines of all groups. */
  take(columns: number): string[] {
    return this.#take(columns, () => true);
  }

  #take(columns: number, wanted: (group: Group) => boolean): string[] {
    const lines: string[] = [];
    for (const [key, group] of this.#groups) {
      if (!wanted(group)) continue;
      this.#groups.delete(key);
      lines.push(this.#line(group, columns));
    }
    return lines;
  }

  /** `✓ pull api:v2 on 3 hosts (web-1, web-2, web-3)  1.2s`. */
  #line({ step, hosts, ms }: Group, columns: number): string {
    const { mark, before, after, paint } = this.#format(step);
    const took = ms === undefined ? '' : `  ${duration(ms)}`;
    const room = columns - 2 - took.length;
    const least = width(onHosts(hosts, 0)) + 1;
    const text = cut(`${before}${isDecision(step) ? step.label : step.title}`, room - least);
    const place = hosts.length === 0 ? '' : ` ${onHosts(hosts, room - width(text) - 1)}`;
    const cause = cut(after, room - width(text) - width(place));
    return `${paint(mark)} ${text}${place}${cause}${this.#style.faint(took)}`;
  }

  #format({ kind, reason }: Finished) {
    const { good, bad, caution, faint } = this.#style;
    const after = reason === undefined ? '' : `: ${shortDigests(oneLine(reason))}`;
    switch (kind) {
      case 'done':
        return { mark: '✓', before: '', after, paint: good };
      case 'skipped':
        return { mark: '=', before: '', after, paint: faint };
      case 'failed':
        return { mark: '✗', before: '', after, paint: bad };
      case 'undone':
        return { mark: '←', before: 'undone: ', after, paint: caution };
      case 'undo-failed':
        return { mark: '✗', before: 'undo failed: ', after, paint: bad };
      case 'never':
        return { mark: '!', before: 'not undone: ', after, paint: caution };
    }
  }
}

/** Decisions show their service, not the title of a task. */
const isDecision = ({ kind, host }: Finished) => kind === 'skipped' && host === undefined;
