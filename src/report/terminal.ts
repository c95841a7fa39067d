import type { BusyOptions } from '../app/listener.js';
import type { Clock } from '../domain/clock.js';
import type { FailureRecord } from '../domain/failure.js';
import type { Outcome, RunEvent } from '../run/events.js';
import { type Call, type CallEnd, Calls, callLine } from './calls.js';
import { Canvas, cursor } from './canvas.js';
import { type Card, failureCard } from './card.js';
import { ChangeDetector } from './change-detector.js';
import { FinishedLines } from './finished.js';
import { liveBlock } from './live.js';
import type { Output } from './output.js';
import { type PreviewDocument, previewText } from './preview.js';
import { problemTable } from './problems.js';
import type { Detail, Reporter } from './reporter.js';
import type { Spin } from './spinner.js';
import type { Page, Style } from './style.js';
import { type Summary, summaryText } from './summary.js';
import { hanging } from './text.js';
import { RunView } from './view.js';
import { announcement, type Busy } from './words.js';

/** Between two drawings, ms. */
const beat = 80;

export interface TerminalOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly detail: Detail;
  readonly spin: Spin;
  readonly style: Style;
  /** For results, which may go elsewhere. */
  readonly resultStyle: Style;
}

/** A run as lines that are drawn over: one for each host; what is over scrolls away above them. */
export class TerminalReporter implements Reporter {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #options: TerminalOptions;
  readonly #view = new RunView();
  readonly #canvas = new Canvas();
  /** On stdout, of {@link screen}. */
  readonly #screen = new Canvas();
  readonly #news = new ChangeDetector();
  readonly #finished: FinishedLines;
  readonly #closed = new AbortController();
  readonly #busy = new Set<Busy>();
  readonly #calls: Calls;
  #above: string[] = [];
  /** When something new was last heard. */
  #heard = 0;
  #beating = false;
  #showCursor: (() => void) | undefined;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#output = options.output;
    this.#clock = options.clock;
    this.#calls = new Calls(options.clock);
    this.#finished = new FinishedLines(options.style);
  }

  event(event: RunEvent): void {
    const now = this.#clock.monotonic();
    if (event.type !== 'step.progress' || this.#view.isNews(event)) this.#heard = now;
    const finished = this.#view.apply(event, now);
    if (finished !== undefined) this.#finished.add(finished, now);
    this.#tell(event);
    void this.#beat();
  }

  busy(text: string, { late = false }: BusyOptions = {}): () => void {
    const entry = { text, since: this.#clock.monotonic(), late };
    this.#busy.add(entry);
    void this.#beat();
    return () => {
      this.#busy.delete(entry);
      this.#draw();
    };
  }

  call(call: Call): (end: CallEnd) => void {
    const over = this.#calls.begin(call);
    return (end) => {
      over();
      if (this.#options.detail !== 'verbose') return;
      const { faint } = this.#options.style;
      this.#say(hanging(callLine(call, end, this.#clock), this.#columns, '').map(faint));
    };
  }

  note(text: string): void {
    this.#say(hanging(text, this.#columns, ''));
  }

  warn(text: string): void {
    this.#say(
      hanging(text, this.#columns, `${this.#options.style.sign('caution')} `).map(
        this.#options.style.caution,
      ),
    );
  }

  preview(preview: PreviewDocument): void {
    this.#print(previewText(preview, this.#page));
  }

  problems(problems: readonly FailureRecord[]): void {
    this.#print(problemTable(problems, this.#page));
  }

  failure(card: Card): void {
    this.#print(failureCard(this.#view.complete(card), this.#page));
  }

  summary(outcome: Outcome, summary: Summary): void {
    this.#print(summaryText(outcome, summary, this.#page));
  }

  result<T extends object>(document: T, text: (document: T, page: Page) => string): void {
    const { stdout } = this.#output;
    // Both streams mostly are the same terminal: the block must be gone before anything else writes there.
    this.#settle();
    this.#write([], []);
    stdout.write(text(document, { columns: stdout.columns, style: this.#options.resultStyle }));
  }

  screen<T extends object>(document: T, text: (document: T, page: Page) => string): void {
    const { stdout, rows } = this.#output;
    if (!Number.isFinite(stdout.columns)) {
      if (this.#news.isNew(document)) this.result(document, text);
      return;
    }
    this.result(document, (clean, page) => {
      const lines = text(clean, page).trimEnd().split('\n');
      // What has scrolled away cannot be drawn over.
      const shown = lines.length < rows ? lines : [...lines.slice(0, Math.max(1, rows - 2)), '…'];
      return this.#screen.draw([], shown, page.columns);
    });
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#settle();
    this.#write(this.#above.splice(0), []);
    this.#closed.abort();
    this.#showCursor?.();
  }

  get #columns(): number {
    return this.#output.stderr.columns;
  }

  get #page(): Page {
    return { columns: this.#columns, style: this.#options.style };
  }

  #tell(event: RunEvent): void {
    if (event.type === 'run.started' || event.type === 'run.resumed') this.#hideCursor();
    if (event.type === 'run.started') this.#say([this.#options.style.strong(this.#view.header)]);
    const said = announcement(event, this.#view);
    if (said?.warning) this.warn(said.text);
    else if (said !== undefined) this.note(said.text);
    if (event.type === 'step.failed' || event.type === 'undo.failed') this.#draw();
    if (event.type === 'run.ended') {
      this.#settle();
      this.#draw();
      this.#showCursor?.();
    }
  }

  /** Says lines that stay, at once. */
  #say(lines: readonly string[]): void {
    this.#settle();
    this.#above.push(...lines);
    this.#draw();
  }

  #print(text: string): void {
    this.#say(text.replace(/\n$/, '').split('\n'));
  }

  /** Says what has ended so far, though more of its kind may follow. */
  #settle(): void {
    this.#above.push(...this.#finished.take(this.#columns));
  }

  #draw(): void {
    const now = this.#clock.monotonic();
    this.#above.push(...this.#finished.takeRipe(this.#columns, now, (title) => this.#view.isActive(title)));
    const block = liveBlock(this.#view, {
      busy: [...this.#busy],
      calls: this.#calls,
      now,
      heard: this.#heard,
      columns: this.#columns,
      rows: this.#output.rows,
      spin: this.#options.spin,
      style: this.#options.style,
    });
    this.#write(this.#above.splice(0), block);
  }

  #write(above: readonly string[], block: readonly string[]): void {
    if (this.#closed.signal.aborted || (above.length === 0 && block.length === 0 && this.#canvas.empty))
      return;
    this.#output.stderr.write(this.#canvas.draw(above, block, this.#columns));
  }

  #hideCursor(): void {
    if (this.#showCursor !== undefined) return;
    const { stderr } = this.#output;
    stderr.write(cursor.hide);
    const show = () => stderr.write(cursor.show);
    const forget = this.#output.atExit(show);
    this.#showCursor = () => {
      this.#showCursor = undefined;
      forget();
      show();
    };
  }

  async #beat(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    const { signal } = this.#closed;
    while (!signal.aborted && (this.#view.running || this.#busy.size > 0)) {
      this.#draw();
      await this.#clock.sleep(beat, signal).catch(() => undefined);
    }
    this.#beating = false;
  }
}
