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
import { type Activity, eventNotice } from './messages.js';
import type { Output } from './output.js';
import { type PreviewDocument, previewText } from './preview.js';
import { problemTable } from './problems.js';
import type { Detail, Reporter } from './reporter.js';
import type { Spin } from './spinner.js';
import type { Page, Style } from './style.js';
import { type Summary, summaryText } from './summary.js';
import { hanging } from './text.js';
import { RunView } from './view.js';

/** Time between two frames, ms. */
const frameInterval = 80;

export interface TerminalOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly detail: Detail;
  readonly spin: Spin;
  readonly style: Style;
  /** For results, which go to stdout. */
  readonly resultStyle: Style;
}

/** Draws one live line per host; finished steps scroll away above. */
export class TerminalReporter implements Reporter {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #options: TerminalOptions;
  readonly #view = new RunView();
  readonly #canvas = new Canvas();
  /** Draws the results of {@link screen} on stdout. */
  readonly #screen = new Canvas();
  readonly #changes = new ChangeDetector();
  readonly #finished: FinishedLines;
  readonly #closed = new AbortController();
  readonly #activities = new Set<Activity>();
  readonly #calls: Calls;
  #above: string[] = [];
  /** When the last new event came, in ms of the monotonic clock. */
  #lastChange = 0;
  #animating = false;
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
    if (event.type !== 'step.progress' || this.#view.isNewProgress(event)) this.#lastChange = now;
    const finished = this.#view.apply(event, now);
    if (finished !== undefined) this.#finished.add(finished, now);
    this.#printEvent(event);
    void this.#animate();
  }

  busy(text: string, { late = false }: BusyOptions = {}): () => void {
    const entry = { text, since: this.#clock.monotonic(), late };
    this.#activities.add(entry);
    void this.#animate();
    return () => {
      this.#activities.delete(entry);
      this.#draw();
    };
  }

  call(call: Call): (end: CallEnd) => void {
    const done = this.#calls.begin(call);
    return (end) => {
      done();
      if (this.#options.detail !== 'verbose') return;
      const { faint } = this.#options.style;
      this.#printLines(hanging(callLine(call, end, this.#clock), this.#columns, '').map(faint));
    };
  }

  note(text: string): void {
    this.#printLines(hanging(text, this.#columns, ''));
  }

  warn(text: string): void {
    this.#printLines(
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
    this.#print(failureCard(this.#view.withRunDetails(card), this.#page));
  }

  summary(outcome: Outcome, summary: Summary): void {
    this.#print(summaryText(outcome, summary, this.#page));
  }

  result<T extends object>(document: T, text: (document: T, page: Page) => string): void {
    const { stdout } = this.#output;
    // stdout is usually the same terminal: erase the live block first.
    this.#flushFinished();
    this.#write([], []);
    stdout.write(text(document, { columns: stdout.columns, style: this.#options.resultStyle }));
  }

  screen<T extends object>(document: T, text: (document: T, page: Page) => string): void {
    const { stdout, rows } = this.#output;
    if (!Number.isFinite(stdout.columns)) {
      if (this.#changes.isNew(document)) this.result(document, text);
      return;
    }
    this.result(document, (clean, page) => {
      const lines = text(clean, page).trimEnd().split('\n');
      // Lines that have scrolled away cannot be redrawn.
      const shown = lines.length < rows ? lines : [...lines.slice(0, Math.max(1, rows - 2)), '…'];
      return this.#screen.draw([], shown, page.columns);
    });
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#flushFinished();
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

  #printEvent(event: RunEvent): void {
    if (event.type === 'run.started' || event.type === 'run.resumed') this.#hideCursor();
    if (event.type === 'run.started') this.#printLines([this.#options.style.strong(this.#view.header)]);
    const notice = eventNotice(event, this.#view);
    if (notice?.warning) this.warn(notice.text);
    else if (notice !== undefined) this.note(notice.text);
    if (event.type === 'step.failed' || event.type === 'undo.failed') this.#draw();
    if (event.type === 'run.ended') {
      this.#flushFinished();
      this.#draw();
      this.#showCursor?.();
    }
  }

  /** Prints lines that stay, at once. */
  #printLines(lines: readonly string[]): void {
    this.#flushFinished();
    this.#above.push(...lines);
    this.#draw();
  }

  #print(text: string): void {
    this.#printLines(text.replace(/\n$/, '').split('\n'));
  }

  /** Prints finished steps at once, without waiting for more like them. */
  #flushFinished(): void {
    this.#above.push(...this.#finished.take(this.#columns));
  }

  #draw(): void {
    const now = this.#clock.monotonic();
    this.#above.push(
      ...this.#finished.takeComplete(this.#columns, now, (title) => this.#view.isActive(title)),
    );
    const block = liveBlock(this.#view, {
      activities: [...this.#activities],
      calls: this.#calls,
      now,
      lastChange: this.#lastChange,
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
    const cancel = this.#output.atExit(show);
    this.#showCursor = () => {
      this.#showCursor = undefined;
      cancel();
      show();
    };
  }

  async #animate(): Promise<void> {
    if (this.#animating) return;
    this.#animating = true;
    const { signal } = this.#closed;
    while (!signal.aborted && (this.#view.running || this.#activities.size > 0)) {
      this.#draw();
      await this.#clock.sleep(frameInterval, signal).catch(() => undefined);
    }
    this.#animating = false;
  }
}
