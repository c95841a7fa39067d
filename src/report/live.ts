import { duration } from '../domain/measure.js';
import type { Calls } from './calls.js';
import type { Spin } from './spinner.js';
import type { Style } from './style.js';
import { cut, pad, paragraph, width } from './text.js';
import type { Active, HostState, RunView } from './view.js';
import { type Busy, silence, stage, waitingFor } from './words.js';

/** The widest that a line gets: on wider terminals the end of it would be too far away. */
const widest = 110;

/** What the live block is drawn from, beside the run. */
export interface Moment {
  /** What is under way beside the steps of a run. */
  readonly busy: readonly Busy[];
  /** To hosts. */
  readonly calls: Calls;
  /** On the monotonic clock, as all times here. */
  readonly now: number;
  /** When something new was last heard. */
  readonly heard: number;
  readonly columns: number;
  readonly rows: number;
  readonly spin: Spin;
  readonly style: Style;
}

/** The lines of a run at this moment, none of them as wide as the terminal; empty when nothing is under way. */
export function liveBlock(view: RunView, moment: Moment): string[] {
  const columns = Math.min(moment.columns - 1, widest);
  const { now, spin, busy } = moment;
  const others = busy
    .filter(({ late, since }) => !late || now - since >= silence)
    .map(({ text, since }) =>
      cut(spin(`${text}  ${now - since < 1_000 ? '' : duration(now - since)}`), columns),
    );
  if (!view.running) return [...others, ...waitingLines(view, moment, columns)];
  const { over, all } = view.steps;
  const course = view.undoing ? 'taking back' : `${over} of ${all} steps`;
  const head = cut(spin(`${course}  ${duration(now - view.began)}`), columns);
  return [head, ...hostLines(view.hosts, moment, columns), ...waitingLines(view, moment, columns), ...others];
}

function hostLines(states: readonly HostState[], { now, rows, style }: Moment, columns: number): string[] {
  // The head, what is waited for on two lines, what is busy, the line that counts the others, and the one below the block.
  const room = Math.max(1, rows - 6);
  const shown =
    states.length <= room ? states : states.filter(({ active }) => active.length > 0).slice(0, room);
  const names = Math.min(24, Math.floor(columns / 3), Math.max(0, ...shown.map(({ host }) => width(host))));
  const lines = shown.map((state) => hostLine(state, names, now, columns, style));
  const hidden = states.filter((state) => !shown.includes(state));
  if (hidden.length === 0) return lines;
  const number = (kind: string, wanted: (state: HostState) => boolean) => {
    const found = hidden.filter(wanted).length;
    return found === 0 ? [] : [`${found} ${kind}`];
  };
  const counts = [
    ...number('more at work', ({ active }) => active.length > 0),
    ...number('waiting', ({ active, left }) => active.length === 0 && left > 0),
    ...number('done', ({ active, left }) => active.length === 0 && left === 0),
  ];
  return [...lines, style.faint(cut(`  ${counts.join(', ')}`, columns))];
}

/** `  web-1  pull api:v2: 12 of 40 MB        ━━━━━━━━────  63%   2.1s`. */
function hostLine(
  { host, active, left }: HostState,
  names: number,
  now: number,
  columns: number,
  style: Style,
) {
  const name = `  ${pad(cut(host, names), names)}  `;
  const [first, ...others] = active;
  if (first === undefined) return style.faint(cut(`${name}${left === 0 ? 'done' : 'waiting'}`, columns));
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const right = `${bar(first, columns)}${duration(now - first.since).padStart(7)}`;
  const room = columns - width(name) - right.length;
  const middle = cut(stage(first), room - more.length) + more;
  return `${name}${pad(middle, room)}${style.faint(right)}`;
}

function bar({ fraction }: Active, columns: number): string {
  if (fraction === undefined) return '';
  const share = Math.min(1, Math.max(0, fraction));
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  if (columns < 60) return `  ${percent}`;
  const full = Math.round(share * 12);
  return `  ${'━'.repeat(full)}${'─'.repeat(12 - full)} ${percent}`;
}

function waitingLines(view: RunView, moment: Moment, columns: number): string[] {
  const { now, busy, calls, style } = moment;
  // The sign of the spinner and the time take some of the line.
  const isCut = (text: string) => width(text) > columns - 10;
  const heard = view.running ? moment.heard : Math.min(now, ...busy.map(({ since }) => since));
  if (now - heard < silence) return [];
  const text = waitingFor(view.active, calls, now) ?? busy.map((one) => one.text).find(isCut);
  return text === undefined ? [] : paragraph(text, columns, '  ').map(style.caution);
}
