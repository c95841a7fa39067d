import type { BalancingDocument, GroupStatus, TargetStatus } from '../app/balancing/balancing-document.js';
import { agoBriefly } from '../domain/measure.js';
import type { TargetGroupSettings } from '../domain/target-group.js';
import type { Page } from './style.js';
import { table } from './table.js';
import { hanging } from './text.js';

/** A table of targets for every target group, below the load balancers that feed it and how it checks. */
export function balancingText({ groups }: BalancingDocument, page: Page, now: Date): string {
  return groups.map((group) => groupText(group, page, now)).join('\n');
}

function groupText(
  { service, name, balancers, settings, targets }: GroupStatus,
  page: Page,
  now: Date,
): string {
  const healthy = targets.filter(({ state }) => state === 'healthy').length;
  const mark = healthy === targets.length && healthy > 0 ? page.style.good : page.style.bad;
  const verdict = `${service}: ${healthy} of ${targets.length} healthy in ${name}`;
  const rows = targets.map((target) => ({ ...target, why: whyOf(target) }));
  return [
    `${page.style.strong(mark(verdict))}\n`,
    ...balancers.map((balancer) => `feeds   ${balancerText(balancer)}\n`),
    ...(balancers.length === 0 ? ['no load balancer sends anything to it\n'] : []),
    ...hanging(checkText(settings), page.columns, 'checks  ').map((line) => `${line}\n`),
    '\n',
    table(
      rows,
      [
        { title: 'INSTANCE', value: ({ id }) => id },
        { title: 'HOST', value: ({ host }) => host ?? '-', narrow: 'cut' },
        { title: 'PORT', value: ({ port }) => (port === null ? '-' : `${port}`), align: 'right' },
        { title: 'RELEASE', value: ({ release }) => (release === null ? '-' : `${release}`), align: 'right' },
        { title: 'SINCE', value: ({ since }) => (since === null ? '-' : agoBriefly(new Date(since), now)) },
        {
          title: 'STATE',
          value: ({ state }) => state,
          style: (text, { state }) =>
            state === 'healthy' ? page.style.good(text) : page.style.caution(text),
        },
        { title: 'WHY', value: ({ why }) => why, narrow: 'wrap' },
      ],
      page,
    ),
  ].join('');
}

function whyOf({ reason, quarantine, state }: TargetStatus): string {
  const kept = quarantine === null ? '' : `kept out by ${quarantine}`;
  if (state === 'out' && kept !== '') return kept;
  return [reason, kept].filter((part) => part !== '').join('; ');
}

function balancerText({ name, address, state, listeners }: GroupStatus['balancers'][number]): string {
  const ports = listeners.map(({ protocol, port }) => `${protocol.toLowerCase()}:${port}`).join(', ');
  const how = state === 'active' ? '' : ` (${state})`;
  return `${name} at ${address}${how}, ${ports === '' ? 'without a listener for it' : ports}`;
}

function checkText({ healthCheck, deregistrationDelay }: TargetGroupSettings): string {
  const { path, interval, timeout, healthyThreshold, unhealthyThreshold, matcher } = healthCheck;
  const what =
    path === undefined ? 'a connection' : `GET ${path}${matcher === undefined ? '' : ` -> ${matcher}`}`;
  const often = `every ${seconds(interval)}, ${seconds(timeout)} at most`;
  const counts = `in after ${healthyThreshold}, out after ${unhealthyThreshold}`;
  return `${what} ${often}; ${counts}; drains ${seconds(deregistrationDelay)}`;
}

const seconds = (ms: number) => `${ms / 1000}s`;
