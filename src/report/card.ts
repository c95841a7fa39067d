import type { RunningService } from '../app/run-report.js';
import type { FailureRecord } from '../domain/failure.js';
import { count } from '../domain/measure.js';
import type { Outcome } from '../run/events.js';
import type { Page } from './style.js';
import { cut, oneLine, onHosts, paragraph } from './text.js';

/** What a failure card is made of. */
export interface Card {
  /** What failed: `deploy web to production`; absent where no run had begun. */
  readonly subject?: string;
  /** The title of the step that failed. */
  readonly step?: string;
  /** The first one is the cause of the others. */
  readonly failures: readonly FailureRecord[];
  readonly result?: Outcome['result'];
  readonly cancelled?: boolean;
  readonly runs?: readonly RunningService[];
  /** What could not be taken back. */
  readonly left?: readonly FailureRecord[];
  readonly never?: Outcome['never'];
  /** The one command to type next; the hint of the first failure by default. */
  readonly next?: string;
}

const tallest = 15;

const endings: Readonly<Record<Outcome['result'], string>> = {
  done: 'the run is done all the same',
  unchanged: 'nothing was changed',
  reverted: 'everything was taken back',
  stopped: 'left as it is now',
  incomplete: 'not everything could be taken back',
};

/**
 * A failure on at most 15 lines: step, host, cause, evidence, what runs now, what was not taken back, and what to
 * type next, which alone is never cut. Evidence fills what the others leave, its first two lines and its last ones.
 */
export function failureCard(card: Card, page: Page): string {
  const { style, columns } = page;
  const { failures, runs = [], left = [], never = [] } = card;
  const [first, ...others] = failures;
  const next = card.next ?? left[0]?.hint ?? first?.hint;
  const below = [
    ...section('now', foldRuns(runs), 4, columns),
    ...section('left', left.map(placed), 2, columns).map(style.bad),
    ...section(
      'kept',
      never.map(({ step, reason }) => `"${step}" is not taken back: ${reason}`),
      2,
      columns,
    ).map(style.caution),
    // Wrapped by the terminal and not by us, so that it can be copied.
    ...(next === undefined ? [] : [`${label('next')}${style.strong(oneLine(next))}`]),
  ];
  const above = [
    ...paragraph(heading(card), columns, `${style.sign('bad')} `).map(style.bad),
    ...(first === undefined || card.subject === undefined
      ? []
      : paragraph(placed(first), columns, label('cause'))),
    ...section('also', others.map(placed), 2, columns),
  ];
  const room = tallest - above.length - below.length;
  const evidence = excerpt(
    (first?.evidence ?? []).flatMap((text) => text.split('\n')),
    room,
  );
  return [...above, ...evidence.map((line) => style.faint(`  | ${cut(line, columns - 4)}`)), ...below]
    .map((line) => `${line}\n`)
    .join('');
}

function heading({ subject, step, failures, result, cancelled }: Card): string {
  const [first] = failures;
  if (subject === undefined) return first === undefined ? 'failed' : placed(first);
  const how = cancelled === true ? 'was interrupted' : 'failed';
  const where = step === undefined ? '' : ` at "${oneLine(step)}"`;
  return `${subject} ${how}${where}${result === undefined ? '' : `: ${endings[result]}`}`;
}

const label = (name: string) => `  ${name.padEnd(5)}  `;

const placed = ({ host, message }: FailureRecord) =>
  host === undefined || message.includes(host) ? oneLine(message) : `${host}: ${oneLine(message)}`;

/** Texts under one label, one line each and at most `height` lines. */
function section(name: string, texts: readonly string[], height: number, columns: number): string[] {
  const indent = label(name);
  const shown = texts.length > height ? texts.slice(0, height - 1) : texts;
  const more = texts.length > shown.length ? [`and ${texts.length - shown.length} more`] : [];
  return [...shown, ...more].map(
    (text, at) => `${at === 0 ? indent : ' '.repeat(indent.length)}${cut(text, columns - indent.length)}`,
  );
}

function foldRuns(runs: readonly RunningService[]): string[] {
  const hosts = new Map<string, string[]>();
  for (const { host, service, release, state } of runs) {
    const text = release === undefined ? `${service} ${state}` : `${service} ${release}, ${state}`;
    hosts.set(text, [...(hosts.get(text) ?? []), host]);
  }
  return [...hosts].map(([text, names]) => `${text} ${onHosts(names, 40)}`);
}

function excerpt(lines: readonly string[], room: number): string[] {
  if (lines.length <= room) return [...lines];
  if (room < 4) return lines.slice(lines.length - Math.max(0, room));
  const left = lines.length - (room - 1);
  return [...lines.slice(0, 2), `… ${count(left, 'more line')}`, ...lines.slice(2 + left)];
}
