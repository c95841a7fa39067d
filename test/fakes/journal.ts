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
