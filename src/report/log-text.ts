import type { LogEntry } from '../app/logs/read-instance.js';
import { schema } from './json.js';
import type { Style } from './style.js';
import { pad, width } from './text.js';

/** Lines as JSON, one object each. */
export function logJson(entries: readonly LogEntry[]): string {
  return entries
    .map(({ host, service, release, time, stream, text }) => {
      return `${JSON.stringify({ schema, host, service, release, time, stream, text })}\n`;
    })
    .join('');
}

export interface LabelOptions {
  /** What each line begins with, in an order that gives each its colour. */
  readonly labels: readonly string[];
  readonly style: Style;
  /** Whether the lines stand below each other, as on a terminal. */
  readonly aligned: boolean;
}

/** Puts `label | ` before lines, in the label's own colour. */
export function labelled({ labels, style, aligned }: LabelOptions): (label: string, text: string) => string {
  const widest = aligned ? Math.max(0, ...labels.map(width)) : 0;
  const heads = new Map(
    labels.map((label, number) => [label, style.tint(`${pad(label, widest)} |`, number)] as const),
  );
  return (label, text) => `${heads.get(label) ?? `${label} |`} ${text}\n`;
}
