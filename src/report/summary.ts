import type { ReleasedService } from '../app/run-report.js';
import { count, duration } from '../domain/measure.js';
import type { Outcome } from '../run/events.js';
import type { Page } from './style.js';
import { hanging } from './text.js';

/** What the last lines of a run are made of. */
export interface Summary {
  readonly recipe: string;
  readonly environment: string;
  /** Empty for recipes that do not release anything. */
  readonly services: readonly ReleasedService[];
  /** ms */
  readonly ms: number;
  /** When the new release had become the current one, ms. */
  readonly live?: number;
}

/** What comes after the commit is told apart only where somebody has waited for it: for what drains, mostly. ms */
const worthTelling = 10_000;

/** The last lines of a run that went well: `✓ production runs web release 4 (api:v2) on 3 hosts in 4.2s, gap 0.4s`. */
export function summaryText(outcome: Outcome, summary: Summary, page: Page): string {
  const good = page.style.sign('good');
  const took = outcome.result === 'unchanged' ? '' : ` in ${duration(summary.ms)}${liveText(summary)}`;
  const lines =
    summary.services.length === 0
      ? [
          `${summary.environment}: ${summary.recipe} ${outcome.result === 'unchanged' ? 'had nothing to do' : 'is done'}${took}`,
        ]
      : summary.services.map((service) => {
          const runs = outcome.result === 'unchanged' ? 'already runs' : 'runs';
          const gap = service.gap === undefined ? '' : `, gap ${duration(service.gap)}`;
          const what = `${service.service} release ${service.release} (${service.reference})`;
          return `${summary.environment} ${runs} ${what} on ${count(service.hosts, 'host')}${took}${gap}`;
        });
  const late = outcome.failures.map(
    ({ host, message }) =>
      `after the commit: ${host === undefined ? '' : `${host}: `}${message} (the next run does it again)`,
  );
  return [
    ...lines.flatMap((line) =>
      hanging(line, page.columns, `${good} `).map((text) => text.replace(good, page.style.good)),
    ),
    ...late.flatMap((line) =>
      hanging(line, page.columns, `${page.style.sign('caution')} `).map(page.style.caution),
    ),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function liveText({ ms, live }: Summary): string {
  return live === undefined || ms - live < worthTelling ? '' : `, live after ${duration(live)}`;
}
