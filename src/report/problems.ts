import type { FailureRecord } from '../domain/failure.js';
import type { Page } from './style.js';
import { table } from './table.js';

interface ProblemRow {
  hosts: string[];
  readonly problem: string;
  readonly hint: string;
}

/** Returns a table of problems by host; lists equal problems once, with all their hosts. Ends with a newline. */
export function problemTable(problems: readonly FailureRecord[], page: Page): string {
  const rows = new Map<string, ProblemRow>();
  for (const { host, message, hint } of problems) {
    const key = JSON.stringify([message, hint]);
    const row = rows.get(key) ?? { hosts: [], problem: message, hint: hint ?? '' };
    if (host !== undefined && !row.hosts.includes(host)) row.hosts.push(host);
    rows.set(key, row);
  }
  for (const row of rows.values()) row.hosts = row.hosts.sort(byName);
  const sorted = [...rows.values()].sort((a, b) => byName(a.hosts[0] ?? '', b.hosts[0] ?? ''));
  return table(
    sorted,
    [
      {
        title: 'HOST',
        value: (row) => (row.hosts.length === 0 ? 'all' : row.hosts.join(', ')),
        narrow: 'wrap',
      },
      {
        title: 'PROBLEM',
        value: (row) => row.problem,
        narrow: 'wrap',
        style: (text) => page.style.bad(text),
      },
      { title: 'HINT', value: (row) => row.hint, narrow: 'wrap' },
    ],
    page,
  );
}

const byName = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true });
