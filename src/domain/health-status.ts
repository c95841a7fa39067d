import type { Health } from './service.js';

type Range = NonNullable<Health['status']>[number];

const success: readonly Range[] = [{ from: 200, to: 299 }];
const redirect: Range = { from: 300, to: 399 };

/** How strictly to check a release: a `known` one passed its check before. */
export type Strictness = 'new' | 'known';

/**
 * Returns the status codes that count as healthy. Without `status` these are 2xx; a release that versions before 0.2.0 activated may
 * redirect, so for a known release 3xx counts too: a rollback to it must not fail.
 */
export function expectedStatus(
  { status }: Pick<Health, 'status'>,
  strictness: Strictness = 'new',
): readonly Range[] {
  return status ?? (strictness === 'known' ? [...success, redirect] : success);
}

/** Whether a status code is in one of the ranges. */
export const includesStatus = (ranges: readonly Range[], status: number): boolean =>
  ranges.some(({ from, to }) => status >= from && status <= to);

/** Formats a range as in `oneclick.yml`: `204` or `200-299`. */
export const rangeText = ({ from, to }: Range): string => (from === to ? `${from}` : `${from}-${to}`);
