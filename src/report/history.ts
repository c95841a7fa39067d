import type { HistoryDocument } from '../app/history.js';
import type { HistoryEntry } from '../domain/history.js';
import { agoBriefly, duration } from '../domain/measure.js';
import { imageText } from './status.js';
import type { Page } from './style.js';
import { type Column, table } from './table.js';

/** One line for each thing that was done, newest first. */
export function historyText({ environment, history, older }: HistoryDocument, page: Page, now: Date): string {
  if (history.length === 0)
    return `${environment}: nothing was done here yet, as far as its hosts remember\n`;
  const more = older === 0 ? '' : `and ${older} older: oneclick history -n ${older + history.length}\n`;
  return table(history, columnsFor(page, now), page) + page.style.faint(more);
}

function columnsFor({ columns, style }: Page, now: Date): readonly Column<HistoryEntry>[] {
  return [
    { title: 'WHEN', value: ({ at }) => agoBriefly(new Date(at), now) },
    { title: 'WHO', value: ({ who }) => who, narrow: 'cut' },
    { title: 'WHAT', value: ({ what }) => (what === 'lease.take' ? 'lease taken' : what), narrow: 'cut' },
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

/** `3 minutes ago` in fewer columns: seven of them stand on one line. */
