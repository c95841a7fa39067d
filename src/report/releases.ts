import type { KeptRelease, ReleasesDocument } from '../app/releases.js';
import { ago, count } from '../domain/measure.js';
import { imageText } from './status.js';
import type { Page } from './style.js';
import { type Column, table } from './table.js';
import { hanging } from './text.js';

/** Returns for each service its current release, the effect of a rollback, and its releases. */
export function releasesText({ services }: ReleasesDocument, page: Page, now: Date): string {
  return services
    .map((service) => {
      const summary =
        service.current === null
          ? 'no release yet'
          : `release ${service.current} is current; ${service.rollback.because}`;
      const head = hanging(`${service.name}: ${summary}`, page.columns, '').map(
        (line) => `${page.style.strong(line)}\n`,
      );
      const rows = service.releases;
      return (
        head.join('') + (rows.length === 0 ? '' : table(rows, columnsFor(page, now, service.hosts), page))
      );
    })
    .join('\n');
}

function columnsFor({ columns, style }: Page, now: Date, hosts: number): readonly Column<KeptRelease>[] {
  return [
    {
      ...{ title: 'RELEASE', value: ({ release, current }) => `${release}${current ? ' current' : ''}` },
      style: (text, { current }) => (current ? style.strong(text) : text),
    },
    { title: 'IMAGE', value: ({ reference }) => imageText(reference, columns), narrow: 'cut' },
    { title: 'COMMIT', value: ({ commit }) => commit?.slice(0, 7) ?? '-' },
    { title: 'ACTIVATED', value: ({ activated }) => ago(new Date(activated), now) },
    { title: 'BY', value: ({ who }) => who, narrow: 'cut' },
    { title: 'KEPT ON', value: ({ kept }) => keptOnText(kept, hosts), narrow: 'cut' },
  ];
}

function keptOnText(kept: readonly string[], hosts: number): string {
  if (kept.length === 0) return 'none';
  return kept.length === hosts && hosts > 1 ? `all ${count(hosts, 'host')}` : kept.join(', ');
}
