import { durationText, parsePort } from '../../config/parsers.js';
import { requestIn } from '../dockerfile.js';
import { Annotated, stripAnnotations } from '../draft.js';
import type { ComposeNode } from './compose-node.js';
import type { ServiceBuilder } from './service-builder.js';
import { parseDuration } from './units.js';
import { fillDefaults } from './variables.js';

/** The default of `health.deadline` in ms. */
const defaultDeadline = 60_000;
/** Docker's defaults; interval in ms. */
const dockerDefaults = { interval: 30_000, retries: 3 };

/**
 * Converts `healthcheck`: a request to the published port becomes `health`, any other command stays a Docker HEALTHCHECK.
 * Call after converting ports.
 */
export function convertHealth(builder: ServiceBuilder, node: ComposeNode): void {
  const test = node.get('test');
  if (node.get('disable')?.value === true || test?.items[0]?.text === 'NONE') {
    builder.setDocker('Healthcheck', { Test: ['NONE'] });
    return;
  }
  const time = (key: string) => parseDuration(fillDefaults(node.get(key)?.text ?? '').text);
  const words = test?.items.map((at) => fillDefaults(at.text ?? '').text) ?? [];
  const path = test === undefined ? undefined : pathOf(builder, words.join(' '));
  const deadline = deadlineOf(node, time);
  if (path === undefined) {
    const nanoseconds = (key: string, name: string) => {
      const ms = time(key);
      return ms === undefined ? {} : { [name]: ms * 1_000_000 };
    };
    builder.setDocker('Healthcheck', {
      ...(test === undefined
        ? {}
        : { Test: test.isMap || !Array.isArray(test.value) ? ['CMD-SHELL', ...words] : words }),
      ...nanoseconds('interval', 'Interval'),
      ...nanoseconds('timeout', 'Timeout'),
      ...nanoseconds('start_period', 'StartPeriod'),
      ...nanoseconds('start_interval', 'StartInterval'),
      ...(node.get('retries') === undefined
        ? {}
        : { Retries: Number(fillDefaults(node.get('retries')?.text ?? '').text) || 0 }),
    });
    if (deadline > defaultDeadline) builder.add('health', { deadline: durationText(deadline) });
    return;
  }
  const annotated = new Annotated(path, 'healthcheck', node.location);
  builder.keys.health =
    deadline > defaultDeadline ? { path: annotated, deadline: durationText(deadline) } : annotated;
}

/** Returns how long compose would wait, in ms rounded up to seconds; 0 if not configured. */
function deadlineOf(node: ComposeNode, time: (key: string) => number | undefined): number {
  if (!['interval', 'retries', 'start_period'].some((key) => node.get(key) !== undefined)) return 0;
  const tries = Number(node.get('retries')?.value) || dockerDefaults.retries;
  const sum = (time('start_period') ?? 0) + tries * (time('interval') ?? dockerDefaults.interval);
  return Math.ceil(Math.min(sum, 3_600_000) / 1000) * 1000;
}

/** Returns the path of a request to the published port. */
function pathOf(builder: ServiceBuilder, command: string): string | undefined {
  const port = stripAnnotations(builder.keys.port);
  if (port === undefined) return undefined;
  const request = requestIn(command);
  return request?.port === parsePort(String(port)).container ? request.path : undefined;
}
