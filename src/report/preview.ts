import type { FailureRecord } from '../domain/failure.js';
import { count, duration } from '../domain/measure.js';
import type { Forecast } from '../run/forecast.js';
import type { PreviewVerdict, Preview as RunPreview, StepPreview } from '../run/preview.js';
import type { Page } from './style.js';
import { hanging, oneLine, onHosts, width, wrap } from './text.js';

/** A run's preview to show. Its problems are plain data once its texts were made safe. */
export interface PreviewDocument extends Partial<Pick<RunPreview, 'cautions' | 'forecast'>> {
  readonly steps: readonly PreviewStep[];
}

export interface PreviewStep extends Omit<StepPreview, 'verdict'> {
  readonly verdict:
    | Exclude<PreviewVerdict, { kind: 'blocked' }>
    | { readonly kind: 'blocked'; readonly problems: readonly FailureRecord[] };
}

/** A numbered entry of the plan: the steps of one service with one title. */
interface Entry {
  readonly number: number;
  readonly service: string | undefined;
  readonly after: boolean;
  readonly title: string;
  readonly steps: PreviewStep[];
}

/** A line of an entry, and its hosts. */
interface Line {
  readonly mark: Mark;
  /** Empty if it would repeat the title. */
  readonly text: string;
  readonly note: string;
  readonly hosts: string[];
}

type HostLine = Omit<Line, 'hosts'> & { readonly host: string | undefined };

type Mark = '+' | '~' | '=' | '?' | '!';

/**
 * Returns the plan as text, with one entry per service and step title. `+`: changes; `~`: changes that depend on earlier
 * steps; `=`: nothing to do; `?`: decided later; `!`: problems. Ends with a summary.
 */
export function previewText(preview: PreviewDocument, page: Page): string {
  const entries = entriesOf(preview.steps);
  const numbers = new Map(entries.flatMap((entry) => entry.steps.map(({ step }) => [step.id, entry.number])));
  const lines: string[] = [];
  let section: string | undefined;
  for (const entry of entries) {
    const title = `${entry.service ?? 'all services'}${entry.after ? ', after the commit' : ''}`;
    if (title !== section) lines.push(...(section === undefined ? [] : ['']), page.style.strong(title));
    section = title;
    lines.push(...entryLines(entry, numbers, page));
  }
  const sign = page.style.sign('caution');
  const cautions = (preview.cautions ?? []).flatMap((text) =>
    hanging(oneLine(text), page.columns, `${sign} `).map(page.style.caution),
  );
  const { forecast } = preview;
  const times = forecast === undefined ? [] : forecastLines(forecast);
  const last = [previewSummary(preview), ...times].flatMap((text) => wrap(oneLine(text), page.columns));
  return [...lines, ...(lines.length === 0 ? [] : ['']), ...cautions, ...last]
    .map((line) => `${line}\n`)
    .join('');
}

/** Returns one line: `13 changes on 2 hosts; 7 depend on earlier steps.` */
export function previewSummary(preview: PreviewDocument): string {
  const hosts = new Set<string>();
  const total = { certain: 0, expected: 0, unknown: 0, blocked: 0 };
  for (const { step, verdict } of preview.steps) {
    if (verdict.kind === 'unknown') total.unknown += 1;
    if (verdict.kind === 'blocked') total.blocked += verdict.problems.length;
    if (verdict.kind !== 'todo') continue;
    total[verdict.certainty] += verdict.changes.length;
    for (const change of verdict.changes) {
      const host = change.host ?? step.host;
      if (host !== undefined) hosts.add(host);
    }
  }
  const changes = total.certain + total.expected;
  const parts = [
    changes === 0
      ? ''
      : `${count(changes, 'change')}${hosts.size === 0 ? '' : ` on ${count(hosts.size, 'host')}`}`,
    total.expected === 0
      ? ''
      : `${total.expected} ${total.expected === 1 ? 'depends' : 'depend'} on earlier steps`,
    total.unknown === 0
      ? ''
      : `${count(total.unknown, 'step')} ${total.unknown === 1 ? 'is' : 'are'} decided later`,
    total.blocked === 0 ? '' : `${count(total.blocked, 'problem')} to fix first`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'Nothing to do.' : `${parts.join('; ')}.`;
}

/** Returns the expected times, and the slowest wait if it can be made shorter. */
export function forecastLines({ live, after, most }: Forecast): readonly string[] {
  const times = [
    ...(live === 0 && after > 0 ? [] : [`${after === 0 ? 'done' : 'live'} after ${about(live)}`]),
    ...(after === 0 ? [] : [`old containers stopped after ${about(live + after)}`]),
  ];
  const expected = `Expected: ${times.join(', ')}.`;
  return most.better === undefined ? [expected] : [expected, `Slowest part: ${most.cause}; ${most.better}`];
}

/** `about 15s`, rounded up to seconds. */
const about = (ms: number) => `about ${duration(Math.ceil(ms / 1_000) * 1_000).replace('.0s', 's')}`;

function entriesOf(steps: readonly PreviewStep[]): Entry[] {
  const entries = new Map<string, Omit<Entry, 'number'>>();
  for (const step of steps) {
    const { service } = step.step;
    const key = JSON.stringify([step.after, service, step.title]);
    const entry = entries.get(key) ?? { service, after: step.after, title: step.title, steps: [] };
    entry.steps.push(step);
    entries.set(key, entry);
  }
  return bySection([...entries.values()]).map((entry, index) => ({ ...entry, number: index + 1 }));
}

/** Groups entries by service, before and after the commit. */
function bySection<E extends { readonly service: string | undefined; readonly after: boolean }>(
  entries: E[],
): E[] {
  const sections = [...new Set(entries.map(({ service, after }) => JSON.stringify([after, service])))];
  const place = ({ service, after }: E) => sections.indexOf(JSON.stringify([after, service]));
  return [...entries].sort((a, b) => Number(a.after) - Number(b.after) || place(a) - place(b));
}

function entryLines(entry: Entry, numbers: ReadonlyMap<string, number>, page: Page): string[] {
  const lines = fold(entry.steps.flatMap((step) => stepLines(step, numbers)));
  const number = `${entry.number}`.padStart(3);
  const only = lines.length === 1 ? lines[0] : undefined;
  const head =
    only !== undefined && (only.text === '' || only.text === entry.title)
      ? foldedLine(only, entry.title, page, `${number} `)
      : [
          ...hanging(entry.title, page.columns, `${number}   `),
          ...lines.flatMap((line) =>
            foldedLine(line, line.mark === '=' ? 'nothing to do' : 'not known yet', page, '      '),
          ),
        ];
  const acting = entry.steps.filter(({ verdict }) => verdict.kind === 'todo' || verdict.kind === 'unknown');
  const reasons = new Set(acting.flatMap(({ never }) => (never === undefined ? [] : [never])));
  return [
    ...head,
    ...[...reasons].flatMap((reason) =>
      hanging(`cannot be undone: ${reason}`, page.columns, '        ').map(page.style.caution),
    ),
  ];
}

function stepLines({ step, verdict }: PreviewStep, numbers: ReadonlyMap<string, number>): HostLine[] {
  const { host } = step;
  switch (verdict.kind) {
    case 'done':
      return [{ mark: '=', text: '', note: `: ${verdict.because}`, host }];
    case 'unknown': {
      const number = numbers.get(verdict.waitsFor);
      return [{ mark: '?', text: '', note: `: decided after step ${number ?? verdict.waitsFor}`, host }];
    }
    case 'blocked':
      return verdict.problems.map((problem) => ({
        mark: '!',
        text: problem.message,
        note: problem.hint === undefined ? '' : `: ${problem.hint}`,
        host: problem.host ?? host,
      }));
    case 'todo': {
      const certain = verdict.certainty === 'certain';
      return verdict.changes.map((change) => ({
        mark: certain ? '+' : '~',
        text: change.text,
        note: certain ? '' : ', depends on earlier steps',
        host: change.host ?? host,
      }));
    }
  }
}

function fold(lines: readonly HostLine[]): Line[] {
  const folded = new Map<string, Line>();
  for (const { host, ...rest } of lines) {
    const key = JSON.stringify(rest);
    const line = folded.get(key) ?? { ...rest, hosts: [] };
    if (host !== undefined && !line.hosts.includes(host)) line.hosts.push(host);
    folded.set(key, line);
  }
  return [...folded.values()];
}

/** Returns `+ pull web:2 on 3 hosts (a, b, c)`, with as many host names as fit in the first line. */
function foldedLine({ mark, text, note, hosts }: Line, title: string, page: Page, indent: string): string[] {
  const { style } = page;
  const action = oneLine(text === '' ? title : text);
  const sign = style.sign(mark);
  const room = page.columns - indent.length - sign.length - 1 - width(action) - 1 - width(note);
  const place = onHosts(hosts, Math.max(room, 0));
  const lines = hanging(
    `${action}${place === '' ? '' : ` ${place}`}${oneLine(note)}`,
    page.columns,
    `${indent}${sign} `,
  );
  if (mark === '=') return lines.map(style.faint);
  if (mark === '!') return lines.map(style.bad);
  const color = mark === '+' ? style.good : style.caution;
  return lines.map((line, index) => (index === 0 ? line.replace(sign, () => color(sign)) : line));
}
