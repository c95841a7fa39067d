import type { BusyOptions, Listener } from '../../src/app/listener.js';
import type { RunEvent } from '../../src/run/events.js';

/** Remembers everything that it hears, in order. */
export class RecordingListener implements Listener {
  /** A line each: `busy …`, `ready`, `event TYPE`, `note …`, `warn …`. */
  heard: string[] = [];
  events: RunEvent[] = [];

  /** What was warned of, by the run or around it. */
  get warnings(): readonly string[] {
    return this.heard.flatMap((line) => /^warn (.*)/.exec(line)?.[1] ?? []);
  }

  clear(): void {
    this.heard = [];
    this.events = [];
  }

  event(event: RunEvent): void {
    this.events.push(event);
    this.heard.push(event.type === 'run.warning' ? `warn ${event.text}` : `event ${event.type}`);
  }

  call() {
    return () => undefined;
  }

  busy(text: string, _options?: BusyOptions): () => void {
    this.heard.push(`busy ${text}`);
    let isOver = false;
    return () => {
      if (!isOver) this.heard.push('ready');
      isOver = true;
    };
  }

  note(text: string): void {
    this.heard.push(`note ${text}`);
  }

  warn(text: string): void {
    this.heard.push(`warn ${text}`);
  }
}
