import type { LogEntry } from '../../../app/logs/read-instance.js';
import { lineLabeler, logJson } from '../../../report/log-text.js';
import { loadStyle, plainStyle } from '../../../report/style.js';
import type { CommandOutput } from '../../command-output.js';
import type { LogsFlags } from './command.js';

/** A service on a host whose lines are printed. */
export interface LogPlace {
  readonly service: string;
  readonly host: string;
}

/** Prints messages of a host to stderr. */
export function messagePrinter({ output }: CommandOutput): (host: string, text: string) => void {
  return (host, text) =>
    output.stderr.write(`${host}: ${text.startsWith(`${host}: `) ? text.slice(host.length + 2) : text}\n`);
}

/** Prints lines and waits for a slow reader; calls `onGone` when the reader is gone. */
export async function entryPrinter(
  { output }: Pick<CommandOutput, 'output'>,
  flags: Pick<LogsFlags, 'json' | 'plain'>,
  places: readonly LogPlace[],
  onGone: () => void,
): Promise<(entries: readonly LogEntry[]) => Promise<void>> {
  const { stdout } = output;
  const several = new Set(places.map(({ service }) => service)).size > 1;
  const labelOf = (service: string, host: string) => (several ? `${service}/${host}` : host);
  const label = lineLabeler({
    labels: [...new Set(places.map(({ service, host }) => labelOf(service, host)))],
    style: flags.plain ? plainStyle : await loadStyle(stdout.color),
    aligned: Number.isFinite(stdout.columns),
  });
  const text = (entries: readonly LogEntry[]) =>
    entries.map((entry) => label(labelOf(entry.service, entry.host), entry.text)).join('');
  return async (entries) => {
    stdout.write(flags.json ? logJson(entries) : text(entries));
    if (!(await stdout.ready())) onGone();
  };
}
