import { given } from '../../domain/given.js';
import type { LogLine, LogOptions } from '../host.js';

/** Number of recent lines to compare against when a log is read again. */
const maxRemembered = 2000;

/**
 * The lines read from a container's log, so that reading can resume without gaps or duplicates. Lines of the two outputs
 * may be out of order, so recent lines are requested again and skipped.
 */
export class SeenLines {
  readonly #first: LogOptions;
  readonly #startedAt: string;
  readonly #keys: { readonly key: string; readonly time: string }[] = [];
  /** How often to skip each line while the log is read again. */
  #again = new Map<string, number>();
  #answered = false;

  /** `startedAt` is the time of the first read, RFC 3339. */
  constructor(first: LogOptions, startedAt: string) {
    this.#first = first;
    this.#startedAt = startedAt;
  }

  /** Returns the options for the next read. */
  options(): LogOptions {
    const { follow, since, lines } = this.#first;
    if (!this.#answered) return this.#first;
    this.#again = new Map();
    for (const { key } of this.#keys) this.#again.set(key, (this.#again.get(key) ?? 0) + 1);
    const [earliest] = this.#keys.map(({ time }) => time).sort();
    // No line yet: `--lines 0` skips older lines, otherwise all are new.
    const from = earliest ?? (lines === 0 ? this.#startedAt : since);
    return { follow, ...given({ since: from }) };
  }

  /** The time of the last line, if any. */
  get last(): string | undefined {
    return this.#keys.at(-1)?.time;
  }

  /** Returns the lines that were not read before. */
  unseen(lines: readonly LogLine[]): readonly LogLine[] {
    this.#answered = true;
    return lines.filter((line) => {
      const key = `${line.time} ${line.stream} ${line.text.length}`;
      const times = this.#again.get(key) ?? 0;
      if (times > 0) {
        this.#again.set(key, times - 1);
        return false;
      }
      this.#keys.push({ key, time: line.time });
      if (this.#keys.length > 2 * maxRemembered) this.#keys.splice(0, maxRemembered);
      return true;
    });
  }
}
