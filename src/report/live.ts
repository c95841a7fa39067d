import { duration } from '../domain/measure.js';
import type { Calls } from './calls.js';
import { type Activity, activeText, maxSilence, waitText } from './messages.js';
import type { Spin } from './spinner.js';
import type { Style } from './style.js';
import { cut, pad, paragraph, width } from './text.js';
import type { Active, HostState, RunView } from './view.js';

/** The width limit of lines: longer ones are hard to read. */
const maxColumns = 110;

/** The state that the live block shows, in addition to the run. */
export interface LiveState {
  readonly activities: readonly Activity[];
  readonly calls: Calls;
  /** In ms of the monotonic clock, as all times here. */
  readonly now: number;
  /** When the last new event came. */
  readonly lastChange: number;
  readonly columns: number;
  readonly rows: number;
  readonly spin: Spin;
  readonly style: Style;
}

/** Returns the live lines, all narrower than the terminal; empty if nothing is running. */
export function liveBlock(view: RunView, state: LiveState): string[] {
  const columns = Math.min(state.columns - 1, maxColumns);
  const { now, spin, activities } = state;
  const others = activities
    .filter(({ late, since }) => !late || now - since >= maxSilence)
    .map(({ text, since }) =>
      cut(spin(`${text}  ${now - since < 1_000 ? '' : duration(now - since)}`), columns),
    );
  if (!view.running) return [...others, ...waitingLines(view, state, columns)];
  const { finished, total } = view.steps;
  const progress = view.undoing ? 'undoing' : `${finished} of ${total} steps`;
  const head = cut(spin(`${progress}  ${duration(now - view.startedAt)}`), columns);
  return [head, ...hostLines(view.hosts, state, columns), ...waitingLines(view, state, columns), ...others];
}

function hostLines(states: readonly HostState[], { now, rows, style }: LiveState, columns: number): string[] {
  // Other lines: head, two of waits, an activity, the counts, and one below.
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
    ...number('more running', ({ active }) => active.length > 0),
    ...number('waiting', ({ active, remaining }) => active.length === 0 && remaining > 0),
    ...number('done', ({ active, remaining }) => active.length === 0 && remaining === 0),
  ];
  return [...lines, style.faint(cut(`  ${counts.join(', ')}`, columns))];
}

/** `  web-1  pull api:v2: 12 of 40 MB        ━━━━━━━━────  63%   2.1s`. */
function hostLine(
  { host, active, remaining }: HostState,
  names: number,
  now: number,
  columns: number,
  style: Style,
) {
  const name = `  ${pad(cut(host, names), names)}  `;
  const [first, ...others] = active;
  if (first === undefined) return style.faint(cut(`${name}${remaining === 0 ? 'done' : 'waiting'}`, columns));
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const right = `${bar(first, columns)}${duration(now - first.since).padStart(7)}`;
  const room = columns - width(name) - right.length;
  const middle = cut(activeText(first), room - more.length) + more;
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

function waitingLines(view: RunView, state: LiveState, columns: number): string[] {
  const { now, activities, calls, style } = state;
  // The spinner and the time take up to 10 columns.
  const isCut = (text: string) => width(text) > columns - 10;
  const lastChange = view.running ? state.lastChange : Math.min(now, ...activities.map(({ since }) => since));
  if (now - lastChange < maxSilence) return [];
  const text = waitText(view.active, calls, now) ?? activities.map((one) => one.text).find(isCut);
  return text === undefined ? [] : paragraph(text, columns, '  ').map(style.caution);
}
