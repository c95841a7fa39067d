import { durationText, parsePort } from '../../config/parsers.js';
import { requestIn } from '../dockerfile.js';
import { bare, Noted } from '../draft.js';
import type { Cursor } from './cursor.js';
import { durationOf } from './measures.js';
import type { Sheet } from './sheet.js';
import { fixed } from './variables.js';

/** The deadline of a service that does not say one. ms */
const usualDeadline = 60_000;
/** What Docker takes where a healthcheck says nothing. ms */
const standard = { interval: 30_000, retries: 3 };

/**
 * Carries `healthcheck`: a request to the published port becomes `health`; any other command stays Docker's own HEALTHCHECK, which
 * is asked where there is no path. Reads the port: to be called after it was carried.
 */
export function carryHealth(sheet: Sheet, cursor: Cursor): void {
  const test = cursor.get('test');
  if (cursor.get('disable')?.value === true || test?.items[0]?.text === 'NONE') {
    sheet.docker('Healthcheck', { Test: ['NONE'] });
    return;
  }
  const time = (key: string) => durationOf(fixed(cursor.get(key)?.text ?? '').text);
  const words = test?.items.map((at) => fixed(at.text ?? '').text) ?? [];
  const path = test === undefined ? undefined : pathOf(sheet, words.join(' '));
  const deadline = deadlineOf(cursor, time);
  if (path === undefined) {
    const nanoseconds = (key: string, name: string) => {
      const ms = time(key);
      return ms === undefined ? {} : { [name]: ms * 1_000_000 };
    };
    sheet.docker('Healthcheck', {
      ...(test === undefined
        ? {}
        : { Test: test.isMap || !Array.isArray(test.value) ? ['CMD-SHELL', ...words] : words }),
      ...nanoseconds('interval', 'Interval'),
      ...nanoseconds('timeout', 'Timeout'),
      ...nanoseconds('start_period', 'StartPeriod'),
      ...nanoseconds('start_interval', 'StartInterval'),
      ...(cursor.get('retries') === undefined
        ? {}
        : { Retries: Number(fixed(cursor.get('retries')?.text ?? '').text) || 0 }),
    });
    if (deadline > usualDeadline) sheet.add('health', { deadline: durationText(deadline) });
    return;
  }
  const noted = new Noted(path, 'healthcheck', cursor.where);
  sheet.keys.health = deadline > usualDeadline ? { path: noted, deadline: durationText(deadline) } : noted;
}

/** How long compose would wait before it gives up, in whole seconds; 0 when nobody has thought about it. */
function deadlineOf(cursor: Cursor, time: (key: string) => number | undefined): number {
  if (!['interval', 'retries', 'start_period'].some((key) => cursor.get(key) !== undefined)) return 0;
  const tries = Number(cursor.get('retries')?.value) || standard.retries;
  const sum = (time('start_period') ?? 0) + tries * (time('interval') ?? standard.interval);
  return Math.ceil(Math.min(sum, 3_600_000) / 1000) * 1000;
}

/** The path of a request to the port that is published. */
function pathOf(sheet: Sheet, command: string): string | undefined {
  const written = bare(sheet.keys.port);
  if (written === undefined) return undefined;
  const request = requestIn(command);
  return request?.port === parsePort(String(written)).container ? request.path : undefined;
}
