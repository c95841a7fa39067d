import type { Downtime } from '../app/downtime.js';
import type { ReleasedService } from '../app/run-report.js';
import { count, duration } from '../domain/measure.js';
import type { Outcome } from '../run/events.js';
import { downText } from './down.js';
import type { Page } from './style.js';
import { hanging } from './text.js';

/** The content of a run's last lines. */
export interface Summary {
  readonly recipe: string;
  readonly environment: string;
  /** Empty for recipes without releases. */
  readonly services: readonly ReleasedService[];
  readonly ms: number;
  /** Time until the new release was active, ms. */
  readonly live?: number;
  /** How long services did not run on hosts. */
  readonly down?: readonly Downtime[];
}

/** Shorter work after the commit does not get its own time, ms. */
const minCleanup = 10_000;

/** Returns the last lines of a successful run, or of one that was undone on request: `✓ production runs web release 4 (api:v2) on 3 hosts in 4.2s, down for up to 0.4s per host`. */
export function summaryText(outcome: Outcome, summary: Summary, page: Page): string {
  const good = page.style.sign('good');
  if (outcome.result === 'reverted') return revertedText(outcome, summary, page);
  const took = outcome.result === 'unchanged' ? '' : ` in ${duration(summary.ms)}${liveText(summary)}`;
  const lines =
    summary.services.length === 0
      ? [
          `${summary.environment}: ${summary.recipe} ${outcome.result === 'unchanged' ? 'had nothing to do' : 'finished'}${took}${downtimes(summary)}`,
        ]
      : summary.services.map((service) => {
          const verb = outcome.result === 'unchanged' ? 'already runs' : 'runs';
          const down = downText((summary.down ?? []).filter((one) => one.service === service.service));
          const gap = down === undefined ? '' : `, down for ${down}`;
          const release = `${service.service} release ${service.release} (${service.reference})`;
          return `${summary.environment} ${verb} ${release} on ${count(service.hosts, 'host')}${took}${gap}`;
        });
  const late = outcome.failures.map(
    ({ host, message }) =>
      `after the commit: ${host === undefined ? '' : `${host}: `}${message} (the next run retries it)`,
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

/** `✓ undone: deploy on production in 4.2s`, then the reasons for steps that were not undone. */
function revertedText({ never }: Outcome, summary: Summary, page: Page): string {
  const { recipe, environment, ms } = summary;
  const { style, columns } = page;
  const kept = [...new Set(never.map(({ reason }) => reason))];
  return [
    `${style.good(style.sign('good'))} undone: ${recipe} on ${environment} in ${duration(ms)}${downtimes(summary)}`,
    ...kept.flatMap((reason) =>
      hanging(`not undone: ${reason}`, columns, `${style.sign('caution')} `).map(style.caution),
    ),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** `, web down for 1.2s on web-1`. */
function downtimes({ down = [] }: Summary): string {
  return [...new Set(down.map(({ service }) => service))]
    .map((name) => `, ${name} down for ${downText(down.filter(({ service }) => service === name))}`)
    .join('');
}

function liveText({ ms, live }: Summary): string {
  return live === undefined || ms - live < minCleanup ? '' : `, live after ${duration(live)}`;
}
