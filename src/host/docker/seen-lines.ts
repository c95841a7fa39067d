import { given } from '../../domain/given.js';
import type { LogLine, LogOptions } from '../host.js';

/** How many lines of a log are remembered, to be told from new ones when it is read again. */
const maxRemembered = 2000;

/**
 * What has been read of a container's log, so that reading it again goes on without a gap and without a line twice.
 * The engine gives what is of a time and later, and lines of its two outputs may stand in another order than their
 * times: the last ones are therefore asked for again, and left out here.
 */
export class SeenLines {
  readonly #first: LogOptions;
  readonly #startedAt: string;
  readonly #keys: { readonly key: string; readonly time: string }[] = [];
  /** How often each of them is still to be left out, while the log is read again. */
  #again = new Map<string, number>();
  #answered = false;

  /** `startedAt` is the time of the first reading, RFC 3339. */
  constructor(first: LogOptions, startedAt: string) {
    this.#first = first;
    this.#startedAt = startedAt;
  }

  /** What to ask the engine for now. */
  options(): LogOptions {
    const { follow, since, lines } = this.#first;
    if (!this.#answered) return this.#first;
    this.#again = new Map();
    for (const { key } of this.#keys) this.#again.set(key, (this.#again.get(key) ?? 0) + 1);
    const [earliest] = this.#keys.map(({ time }) => time).sort();
    // Where nothing was there when it was first read, all is new; where nothing of it was wanted, all since then.
    const from = earliest ?? (lines === 0 ? this.#startedAt : since);
    return { follow, ...given({ since: from }) };
  }

  /** The time of the last line; undefined before there was one. */
  get last(): string | undefined {
    return this.#keys.at(-1)?.time;
  }

  /** Those of the lines that are new. */
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
