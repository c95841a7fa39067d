import type { LogEntry } from '../app/logs/read-instance.js';
import { schema } from './json.js';
import type { Style } from './style.js';
import { pad, width } from './text.js';

/** Returns the lines as JSON, one object per line. */
export function logJson(entries: readonly LogEntry[]): string {
  return entries
    .map(({ host, service, release, time, stream, text }) => {
      return `${JSON.stringify({ schema, host, service, release, time, stream, text })}\n`;
    })
    .join('');
}

export interface LabelOptions {
  /** The position of a label sets its color. */
  readonly labels: readonly string[];
  readonly style: Style;
  /** Whether to pad labels to one width, as on a terminal. */
  readonly aligned: boolean;
}

/** Returns a function that puts `label | ` before a line, in the label's color. */
export function lineLabeler({
  labels,
  style,
  aligned,
}: LabelOptions): (label: string, text: string) => string {
  const widest = aligned ? Math.max(0, ...labels.map(width)) : 0;
  const heads = new Map(
    labels.map((label, number) => [label, style.tint(`${pad(label, widest)} |`, number)] as const),
  );
  return (label, text) => `${heads.get(label) ?? `${label} |`} ${text}\n`;
}
