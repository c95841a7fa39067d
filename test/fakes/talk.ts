import type { LogLine, LogOptions, Process, Size, StdioOptions } from '../../src/host/host.js';

/** What a command does in a container: what it says, and its exit code; `input` is all that it was given. */
export type Runs = (
  argv: readonly string[],
  input: string,
) => { readonly code: number; readonly stdout?: string; readonly stderr?: string };

/** A process that says all it has to say once its input has ended. */
export class FakeProcess implements Process {
  readonly output: Process['output'];
  readonly argv: readonly string[];
  readonly dialogue: StdioOptions;
  /** Its terminal's sizes, the first one too. */
  readonly sizes: Size[] = [];
  closed = false;
  #input = '';
  #code = 0;
  readonly #heard: Promise<void>;
  #end: () => void = () => undefined;
  #failure: Error | undefined;

  constructor(argv: readonly string[], dialogue: StdioOptions, runs: Runs, onEnd: (code: number) => void) {
    this.argv = argv;
    this.dialogue = dialogue;
    if (dialogue.terminal !== undefined) this.sizes.push(dialogue.terminal);
    this.#heard = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (!dialogue.input) this.#end();
    this.output = this.#speak(runs, onEnd);
  }

  async *#speak(runs: Runs, onEnd: (code: number) => void) {
    await this.#heard;
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

  /** The connection is lost while it runs. */
  break(error: Error): void {
    this.#failure = error;
    this.#end();
  }
}

/** The log of a container, as its engine keeps it. */
export class FakeLog {
  readonly lines: LogLine[] = [];
  readonly #waiting = new Set<() => void>();
  /** Counts the times that all readers were broken off. */
  #breaks = 0;
  #failure: Error = new Error('broken');

  write(line: LogLine): void {
    this.lines.push(line);
    this.#wake();
  }

  /** All who read it are broken off. */
  break(failure: Error): void {
    this.#breaks += 1;
    this.#failure = failure;
    this.#wake();
  }

  /** Something else has changed that a reader may wait for. */
  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  ended(): void {
    this.#wake();
  }

  /** As an engine does; `isUp` is asked whether more may come. */
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
