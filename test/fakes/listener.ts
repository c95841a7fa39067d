import type { BusyOptions, Listener } from '../../src/app/listener.js';
import type { RunEvent } from '../../src/run/events.js';

/** Records everything in order. */
export class RecordingListener implements Listener {
  /** Lines such as `busy …`, `ready`, `event TYPE`, `note …`, `warn …`. */
  lines: string[] = [];
  events: RunEvent[] = [];
  readonly #awaited: { readonly text: string; readonly resolve: () => void }[] = [];

  /** All warnings, including those of the run. */
  get warnings(): readonly string[] {
    return this.lines.flatMap((line) => /^warn (.*)/.exec(line)?.[1] ?? []);
  }

  clear(): void {
    this.lines = [];
    this.events = [];
  }

  /** Resolves at the next line that starts with the text. */
  next(text: string): Promise<void> {
    return new Promise((resolve) => this.#awaited.push({ text, resolve }));
  }

  event(event: RunEvent): void {
    this.events.push(event);
    this.#record(event.type === 'run.warning' ? `warn ${event.text}` : `event ${event.type}`);
  }

  call() {
    return () => undefined;
  }

  busy(text: string, _options?: BusyOptions): () => void {
    this.#record(`busy ${text}`);
    let isOver = false;
    return () => {
      if (!isOver) this.#record('ready');
      isOver = true;
    };
  }

  note(text: string): void {
    this.#record(`note ${text}`);
  }

  warn(text: string): void {
    this.#record(`warn ${text}`);
  }

  #record(line: string): void {
    this.lines.push(line);
    for (const { text, resolve } of this.#awaited) if (line.startsWith(text)) resolve();
  }
}
