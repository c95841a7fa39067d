import type { LogLine, LogOptions, Process, Size, StdioOptions } from '../../src/host/host.js';

/** Simulates a command in a container; `input` is its complete input. */
export type RunCommand = (
  argv: readonly string[],
  input: string,
) => { readonly code: number; readonly stdout?: string; readonly stderr?: string };

/** A process that writes its output once its input has ended. */
export class FakeProcess implements Process {
  readonly output: Process['output'];
  readonly argv: readonly string[];
  readonly dialogue: StdioOptions;
  /** All sizes of its terminal, including the first. */
  readonly sizes: Size[] = [];
  closed = false;
  #input = '';
  #code = 0;
  readonly #inputEnded: Promise<void>;
  #end: () => void = () => undefined;
  #failure: Error | undefined;

  constructor(
    argv: readonly string[],
    dialogue: StdioOptions,
    runs: RunCommand,
    onEnd: (code: number) => void,
  ) {
    this.argv = argv;
    this.dialogue = dialogue;
    if (dialogue.terminal !== undefined) this.sizes.push(dialogue.terminal);
    this.#inputEnded = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (!dialogue.input) this.#end();
    this.output = this.#write(runs, onEnd);
  }

  async *#write(runs: RunCommand, onEnd: (code: number) => void) {
    await this.#inputEnded;
    if (this.#failure !== undefined) throw this.#failure;
    const { code, stdout = '', stderr = '' } = runs(this.argv, this.#input);
    const isTerminal = this.dialogue.terminal !== undefined;
    if (stdout !== '') yield { stream: 'stdout' as const, data: Buffer.from(stdout) };
    if (stderr !== '')
      yield { stream: isTerminal ? ('stdout' as const) : ('stderr' as const), data: Buffer.from(stderr) };
    this.#code = code;
    onEnd(code);
  }

  async write(data: Buffer): Promise<void> {
    this.#input += data.toString();
  }

  end(): void {
    this.#end();
  }

  async resize(size: Size): Promise<void> {
    this.sizes.push(size);
  }

  async exit(): Promise<number> {
    return this.#code;
  }

  close(): void {
    this.closed = true;
    this.#end();
  }

  /** Loses the connection of the running process. */
  break(error: Error): void {
    this.#failure = error;
    this.#end();
  }
}

/** The log of a container. */
export class FakeLog {
  readonly lines: LogLine[] = [];
  readonly #waiting = new Set<() => void>();
  /** Counts calls of {@link break}. */
  #breaks = 0;
  #failure: Error = new Error('broken');

  write(line: LogLine): void {
    this.lines.push(line);
    this.#wake();
  }

  /** Fails all readers. */
  break(failure: Error): void {
    this.#breaks += 1;
    this.#failure = failure;
    this.#wake();
  }

  /** Wakes all waiting readers. */
  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  ended(): void {
    this.#wake();
  }

  /** Reads like an engine; `isUp` decides whether more lines may come. */
  async read(
    { follow, lines, since = '' }: LogOptions,
    take: (lines: readonly LogLine[]) => Promise<void>,
    isUp: () => boolean,
    signal?: AbortSignal,
  ): Promise<void> {
    const breaks = this.#breaks;
    signal?.addEventListener('abort', () => this.#wake(), { once: true });
    await take([]);
    let at = this.lines.length;
    const wanted = this.lines.filter(({ time }) => time >= since);
    await take(lines === undefined ? wanted : wanted.slice(wanted.length - Math.min(lines, wanted.length)));
    while (follow) {
      signal?.throwIfAborted();
      if (this.#breaks > breaks) throw this.#failure;
      const more = this.lines.slice(at).filter(({ time }) => time >= since);
      at = this.lines.length;
      if (more.length > 0) await take(more);
      else if (!isUp()) return;
      else await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }
}
