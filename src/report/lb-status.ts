import type { BalancingDocument, GroupStatus, TargetStatus } from '../app/balancing/balancing-document.js';
import { agoBriefly } from '../domain/measure.js';
import type { TargetGroupSettings } from '../domain/target-group.js';
import type { Page } from './style.js';
import { table } from './table.js';
import { hanging } from './text.js';

/** Returns a block per target group: load balancers, health check, and a table of targets. */
export function lbStatusText({ groups }: BalancingDocument, page: Page, now: Date): string {
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
  const rows = targets.map((target) => ({ ...target, why: reasonText(target) }));
  return [
    `${page.style.strong(mark(verdict))}\n`,
    ...balancers.map((balancer) => `lb      ${balancerText(balancer)}\n`),
    ...(balancers.length === 0 ? ['lb      none forwards to this group\n'] : []),
    ...hanging(checkText(settings), page.columns, 'check   ').map((line) => `${line}\n`),
    `drain   ${seconds(settings.deregistrationDelay)}\n\n`,
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
        { title: 'REASON', value: ({ why }) => why, narrow: 'wrap' },
      ],
      page,
    ),
  ].join('');
}

function reasonText({ reason, quarantine, state }: TargetStatus): string {
  const deactivated = quarantine === null ? '' : `deactivated by ${quarantine}`;
  if (state === 'out' && deactivated !== '') return deactivated;
  return [reason, deactivated].filter((part) => part !== '').join('; ');
}

function balancerText({ name, address, state, listeners }: GroupStatus['balancers'][number]): string {
  const ports = listeners.map(({ protocol, port }) => `${protocol.toLowerCase()}:${port}`).join(', ');
  const inactive = state === 'active' ? '' : ` (${state})`;
  return `${name} at ${address}${inactive}, ${ports === '' ? 'no listener forwards to it' : ports}`;
}

function checkText({ healthCheck }: TargetGroupSettings): string {
  const { path, interval, timeout, healthyThreshold, unhealthyThreshold, matcher } = healthCheck;
  const probe =
    path === undefined ? 'TCP connect' : `GET ${path}${matcher === undefined ? '' : ` -> ${matcher}`}`;
  const times = `every ${seconds(interval)}, timeout ${seconds(timeout)}`;
  const counts = `healthy after ${healthyThreshold}, unhealthy after ${unhealthyThreshold}`;
  return `${probe} ${times}; ${counts}`;
}

const seconds = (ms: number) => `${ms / 1000}s`;
