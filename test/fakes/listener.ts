import type { BusyOptions, Listener } from '../../src/app/listener.js';
import type { RunEvent } from '../../src/run/events.js';

/** Remembers everything that it hears, in order. */
export class RecordingListener implements Listener {
  /** A line each: `busy …`, `ready`, `event TYPE`, `note …`, `warn …`. */
  heard: string[] = [];
  events: RunEvent[] = [];
  readonly #awaited: { readonly text: string; readonly resolve: () => void }[] = [];

  /** What was warned of, by the run or around it. */
  get warnings(): readonly string[] {
    return this.heard.flatMap((line) => /^warn (.*)/.exec(line)?.[1] ?? []);
  }

  clear(): void {
    this.heard = [];
    this.events = [];
  }

  /** Resolves when a line that begins with the text is heard from now on. */
  hears(text: string): Promise<void> {
    return new Promise((resolve) => this.#awaited.push({ text, resolve }));
  }

  event(event: RunEvent): void {
    this.events.push(event);
    this.#hear(event.type === 'run.warning' ? `warn ${event.text}` : `event ${event.type}`);
  }

  call() {
    return () => undefined;
  }

  busy(text: string, _options?: BusyOptions): () => void {
    this.#hear(`busy ${text}`);
    let isOver = false;
    return () => {
      if (!isOver) this.#hear('ready');
      isOver = true;
    };
  }

  note(text: string): void {
    this.#hear(`note ${text}`);
  }

  warn(text: string): void {
    this.#hear(`warn ${text}`);
  }

  #hear(line: string): void {
    this.heard.push(line);
    for (const { text, resolve } of this.#awaited) if (line.startsWith(text)) resolve();
  }
}
