import { duration } from '../domain/measure.js';
import type { Style } from './style.js';
import { cut, oneLine, onHosts, width } from './text.js';
import type { Finished } from './view.js';

/** How long steps of one title are waited for after one has ended, ms. */
const ripe = 300;

interface Group {
  readonly step: Finished;
  readonly hosts: string[];
  ms: number | undefined;
  last: number;
}

/** Steps that ended, folded: those that end at about the same time with the same words become one line. */
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

  /** The lines of groups to which nothing will be added soon: failures at once. */
  takeRipe(columns: number, now: number, isActive: (title: string) => boolean): string[] {
    return this.#take(columns, ({ step, last }) => {
      if (step.kind === 'failed' || step.kind === 'undo-failed') return true;
      return now - last >= ripe && !isActive(step.title);
    });
  }

  /** The lines of all groups. */
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
    const { mark, before, after, paint } = this.#looks(step);
    const took = ms === undefined ? '' : `  ${duration(ms)}`;
    const room = columns - 2 - took.length;
    const least = width(onHosts(hosts, 0)) + 1;
    const words = cut(`${before}${isDecision(step) ? step.label : step.title}`, room - least);
    const where = hosts.length === 0 ? '' : ` ${onHosts(hosts, room - width(words) - 1)}`;
    const why = cut(after, room - width(words) - width(where));
    return `${paint(mark)} ${words}${where}${why}${this.#style.faint(took)}`;
  }

  #looks({ kind, reason }: Finished) {
    const { good, bad, caution, faint } = this.#style;
    const after = reason === undefined ? '' : `: ${oneLine(reason)}`;
    switch (kind) {
      case 'done':
        return { mark: '✓', before: '', after, paint: good };
      case 'skipped':
        return { mark: '=', before: '', after, paint: faint };
      case 'failed':
        return { mark: '✗', before: '', after, paint: bad };
      case 'undone':
        return { mark: '←', before: 'taken back: ', after, paint: caution };
      case 'undo-failed':
        return { mark: '✗', before: 'could not be taken back: ', after, paint: bad };
      case 'never':
        return { mark: '!', before: 'not taken back: ', after, paint: caution };
    }
  }
}

/** What is decided is told of a service, not by the name of a task. */
const isDecision = ({ kind, host }: Finished) => kind === 'skipped' && host === undefined;
