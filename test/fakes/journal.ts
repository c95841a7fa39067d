import type { OpenJournal } from '../../src/app/adapters.js';
import type { RunEvent } from '../../src/run/events.js';
import type { Journal } from '../../src/run/ports.js';

/** A journal in memory, with the events as a file would give them back. */
export class MemoryJournal implements Journal {
  readonly events: RunEvent[];

  constructor(events: readonly RunEvent[] = []) {
    this.events = [...events];
  }

  async append(event: RunEvent): Promise<void> {
    this.events.push(JSON.parse(JSON.stringify(event)));
  }
}

/** The process has died: nothing is written any more. */
export class Death extends Error {}

/** A journal in memory, and in a file where there is one, of a process that dies when so many events are written. */
export class MortalJournal extends MemoryJournal {
  readonly #diesAfter: number;
  readonly #die: () => void;
  readonly #file: OpenJournal | undefined;
  closed = false;

  constructor(diesAfter: number, die: () => void, file?: OpenJournal) {
    super();
    this.#diesAfter = diesAfter;
    this.#die = die;
    this.#file = file;
  }

  override async append(event: RunEvent): Promise<void> {
    if (this.events.length >= this.#diesAfter) {
      this.#die();
      throw new Death();
    }
    await super.append(event);
    await this.#file?.append(event);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.#file?.close();
  }
}
