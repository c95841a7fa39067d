import type { HistoryDocument } from '../app/history.js';
import type { HistoryEntry } from '../domain/history.js';
import { agoBriefly, duration } from '../domain/measure.js';
import { imageText } from './status.js';
import type { Page } from './style.js';
import { type Column, table } from './table.js';

/** Returns one line per entry, newest first. */
export function historyText({ environment, history, older }: HistoryDocument, page: Page, now: Date): string {
  if (history.length === 0) return `${environment}: no history on its hosts yet\n`;
  const more =
    older === 0
      ? ''
      : `${older} older ${older === 1 ? 'entry' : 'entries'}: oneclick history -n ${older + history.length}\n`;
  return table(history, columnsFor(page, now), page) + page.style.faint(more);
}

function columnsFor({ columns, style }: Page, now: Date): readonly Column<HistoryEntry>[] {
  return [
    { title: 'WHEN', value: ({ at }) => agoBriefly(new Date(at), now) },
    { title: 'BY', value: ({ who }) => who, narrow: 'cut' },
    { title: 'ACTION', value: ({ what }) => (what === 'lease.take' ? 'lease take' : what), narrow: 'cut' },
    { title: 'RELEASE', value: ({ service, release }) => `${service ?? '-'} ${release ?? ''}` },
    { title: 'IMAGE', value: ({ reference }) => imageText(reference, columns), narrow: 'cut' },
    { title: 'COMMIT', value: ({ commit }) => commit?.slice(0, 7) ?? '-' },
    {
      ...{ title: 'OUTCOME', value: outcomeText },
      style: (text, { outcome }) => (isGood(outcome) ? text : style.bad(text)),
    },
  ];
}

const isGood = (outcome: string | null) => outcome === null || outcome === 'done' || outcome === 'unchanged';

function outcomeText({ outcome, ms }: HistoryEntry): string {
  return `${outcome ?? ''}${ms === null ? '' : ` ${duration(ms)}`}`;
}
