import { type FailedLog, Failure } from '../domain/failure.js';
import { given } from '../domain/given.js';
import type { Host } from '../host/host.js';

/** Lines kept with the run, and on the failure card. */
const keptLines = 200;
const shownLines = 5;
/** Bytes. */
const maxSize = 64 * 1024;

/** What is known of the log of a container that failed. */
export interface FailedContainerLog {
  /** The last lines, for the failure card. */
  readonly lines: readonly string[];
  /** The same lines as evidence, or why there are none. */
  readonly evidence: readonly string[];
  /** More lines, to keep with the run. */
  readonly log?: FailedLog;
  /** How to see the log, if Docker cannot read it. */
  readonly hint?: string;
}

/** Reads the last lines of a container that failed. Never throws. */
export async function failedLog(host: Host, container: string): Promise<FailedContainerLog> {
  try {
    const lines = await host.engine.logs(container, keptLines);
    const output = newest(lines).join('\n');
    const shown = lines.slice(-shownLines);
    return {
      ...{ lines: shown, evidence: shown.map((line) => `log: ${line}`) },
      ...given({ log: output === '' ? undefined : { host: host.name, container, output } }),
    };
  } catch (error) {
    if (!(error instanceof Failure)) return { lines: [], evidence: [] };
    const hint = error.code === 'logs.driver' ? error.hint : undefined;
    return { lines: [], evidence: [`log: ${error.message}`], ...given({ hint }) };
  }
}

/** The last lines that fit. Never part of a line: a part of a secret would not be redacted. */
function newest(lines: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let size = 0;
  for (const line of lines.toReversed()) {
    const length = Buffer.byteLength(line);
    const text = length > maxSize / 2 ? `(a line of ${length} bytes is left out)` : line;
    size += Buffer.byteLength(text) + 1;
    if (size > maxSize) break;
    kept.push(text);
  }
  return kept.toReversed();
}
