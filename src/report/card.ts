import type { Downtime } from '../app/downtime.js';
import type { RunningService } from '../app/run-report.js';
import type { FailureRecord } from '../domain/failure.js';
import { count } from '../domain/measure.js';
import type { Outcome } from '../run/events.js';
import { downTexts } from './down.js';
import type { Page } from './style.js';
import { cut, cutMiddle, oneLine, onHosts, paragraph, shortDigests } from './text.js';

/** The content of a failure card. */
export interface Card {
  /** The run: `deploy web on production`; absent if no run had begun. */
  readonly subject?: string;
  /** The title of the step that failed. */
  readonly step?: string;
  /** The first one caused the others. */
  readonly failures: readonly FailureRecord[];
  readonly result?: Outcome['result'];
  readonly cancelled?: boolean;
  readonly runs?: readonly RunningService[];
  /** How long services did not run. */
  readonly down?: readonly Downtime[];
  /** Failed undos. */
  readonly left?: readonly FailureRecord[];
  readonly never?: Outcome['never'];
  /** The next command to type. Defaults to the hint of the first failure. */
  readonly next?: string;
}

const maxLines = 15;
/** Of the cause; evidence follows it. */
const maxCauseLines = 4;

const resultTexts: Readonly<Record<Outcome['result'], string>> = {
  done: 'the run finished anyway',
  unchanged: 'nothing was changed',
  reverted: 'everything was undone',
  stopped: 'nothing was undone',
  incomplete: 'some steps were not undone',
};

/**
 * Returns a failure on at most 15 lines: step, host, cause, evidence, current state, downtimes, failed undos, next
 * command. Never cuts the next command, nor the end of a cause: its reason. Evidence fills the remaining lines with its first two and its last ones.
 */
export function failureCard(card: Card, page: Page): string {
  const { style, columns } = page;
  const { failures, runs = [], down = [], left = [], never = [] } = card;
  const [first, ...others] = failures;
  const next = card.next ?? left[0]?.hint ?? first?.hint;
  const downLines = section('down', downTexts(down), 2, columns);
  const below = [
    ...section('now', runningTexts(runs), 4 - downLines.length, columns),
    ...downLines,
    ...section('undo', leftTexts(left), 2, columns).map(style.bad),
    ...section(
      'kept',
      never.map(({ step, reason }) => `"${step}" cannot be undone: ${reason}`),
      2,
      columns,
    ).map(style.caution),
    // Not wrapped, so that it can be copied.
    ...(next === undefined ? [] : [`${label('next')}${style.strong(oneLine(next))}`]),
  ];
  const head = paragraph(heading(card), columns, `${style.sign('bad')} `).map(style.bad);
  const also = section('also', others.map(withHost), 2, columns);
  const causeRoom = maxLines - head.length - also.length - below.length;
  const causeLines = Math.max(2, Math.min(maxCauseLines, causeRoom));
  const cause =
    first === undefined || card.subject === undefined
      ? []
      : paragraph(withHost(first), columns, label('cause'), causeLines);
  const above = [...head, ...cause, ...also];
  const room = maxLines - above.length - below.length;
  const evidence = excerpt(
    (first?.evidence ?? []).flatMap((text) => text.split('\n')),
    room,
  );
  return [
    ...above,
    ...evidence.map((line) => style.faint(`  | ${cut(shortDigests(line), columns - 4)}`)),
    ...below,
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function heading({ subject, step, failures, result, cancelled }: Card): string {
  const [first] = failures;
  if (subject === undefined) return first === undefined ? 'failed' : withHost(first);
  const end = cancelled === true ? ' was interrupted' : first === undefined ? '' : ' failed';
  const at = step === undefined ? '' : ` at "${shortDigests(oneLine(step))}"`;
  return `${subject}${end}${at}${result === undefined ? '' : `: ${resultTexts[result]}`}`;
}

const label = (name: string) => `  ${name.padEnd(5)}  `;

function withHost({ host, message }: FailureRecord): string {
  const text = shortDigests(oneLine(message));
  return host === undefined || message.includes(host) ? text : `${host}: ${text}`;
}

const notUndone = 'not undone: ';

/** Folds the steps that were not undone on a host: `web-3: not undone: stop web release 1; start web release 2`. */
function leftTexts(left: readonly FailureRecord[]): readonly string[] {
  const folded = new Map<string, FailureRecord>();
  for (const record of left) {
    const isMissing = record.message.startsWith(notUndone);
    const key = isMissing ? (record.host ?? '') : JSON.stringify(record);
    const before = folded.get(key);
    const message = before && `${before.message}; ${record.message.slice(notUndone.length)}`;
    folded.set(key, message === undefined ? record : { ...record, message });
  }
  return [...folded.values()].map(withHost);
}

/** Returns one line per text under a label, at most `height` lines. */
function section(name: string, texts: readonly string[], height: number, columns: number): string[] {
  const indent = label(name);
  const shown = texts.length > height ? texts.slice(0, height - 1) : texts;
  const more = texts.length > shown.length ? [`and ${texts.length - shown.length} more`] : [];
  return [...shown, ...more].map(
    (text, index) =>
      `${index === 0 ? indent : ' '.repeat(indent.length)}${cutMiddle(shortDigests(text), columns - indent.length)}`,
  );
}

function runningTexts(runs: readonly RunningService[]): string[] {
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
  const hidden = lines.length - (room - 1);
  return [...lines.slice(0, 2), `… ${count(hidden, 'more line')}`, ...lines.slice(2 + hidden)];
}
