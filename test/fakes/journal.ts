import type { OpenJournal } from '../../src/app/adapters.js';
import type { RunEvent } from '../../src/run/events.js';
import type { Journal } from '../../src/run/ports.js';

/** An in-memory journal, with events as they are read from a file. */
export class MemoryJournal implements Journal {
  readonly events: RunEvent[];

  constructor(events: readonly RunEvent[] = []) {
    this.events = [...events];
  }

  async append(event: RunEvent): Promise<void> {
    this.events.push(JSON.parse(JSON.stringify(event)));
  }
}

/** Thrown once the process has died. */
export class ProcessDied extends Error {}

/** A journal, optionally also in a file, of a process that dies after some events. */
export class DyingJournal extends MemoryJournal {
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
      throw new ProcessDied();
    }
    await super.append(event);
    await this.#file?.append(event);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.#file?.close();
  }
}
