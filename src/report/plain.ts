import type { Clock } from '../domain/clock.js';
import type { FailureRecord } from '../domain/failure.js';
import type { Outcome, RunEvent } from '../engine/events.js';
import { type Card, failureCard } from './card.js';
import { type Folds, fold } from './folds.js';
import { duration } from './measure.js';
import { News } from './news.js';
import type { Output } from './output.js';
import { type Preview, previewText } from './preview.js';
import { problemTable } from './problems.js';
import type { Reporter } from './reporter.js';
import { type Page, plainStyle, type Style } from './style.js';
import { type Summary, summaryText } from './summary.js';
import { oneLine } from './text.js';
import { RunView } from './view.js';
import { announcement, sentence, waiting } from './words.js';

/** After so much silence a line says that it still goes on, ms. */
const silence = 5_000;

/** The widest that tables and cards get where no terminal says how wide it is. */
const widest = 100;

export interface PlainOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly folds: Folds | undefined;
  /** For results. */
  readonly style: Style;
}

/** One line for each thing that happened, in words: for logs, and for people who listen to their terminal. */
export class PlainReporter implements Reporter {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #options: PlainOptions;
  readonly #view = new RunView();
  readonly #news = new News();
  readonly #closed = new AbortController();
  readonly #busy = new Set<{ readonly text: string; readonly since: number }>();
  #fold: { begin(): string; end(): string } | undefined;
  #spoken: number;
  #beating = false;

  constructor(options: PlainOptions) {
    this.#options = options;
    this.#output = options.output;
    this.#clock = options.clock;
    this.#spoken = options.clock.monotonic();
  }

  event(event: RunEvent): void {
    const finished = this.#view.apply(event, this.#clock.monotonic());
    if (finished !== undefined) this.#line(sentence(finished));
    this.#tell(event);
    void this.#beat();
  }

  busy(text: string): () => void {
    const entry = { text, since: this.#clock.monotonic() };
    this.#busy.add(entry);
    this.#line(text);
    void this.#beat();
    return () => void this.#busy.delete(entry);
  }

  note(text: string): void {
    this.#line(text);
  }

  warn(text: string): void {
    this.#line(`warning: ${text}`);
  }

  preview(preview: Preview): void {
    this.#say(previewText(preview, { columns: this.#output.stderr.columns, style: plainStyle }));
  }

  problems(problems: readonly FailureRecord[]): void {
    this.#say(problemTable(problems, this.#page));
  }

  failure(card: Card): void {
    this.#unfold();
    this.#say(failureCard(this.#view.complete(card), this.#page));
  }

  summary(outcome: Outcome, summary: Summary): void {
    this.#unfold();
    this.#say(summaryText(outcome, summary, { columns: this.#output.stderr.columns, style: plainStyle }));
  }

  result<T extends object>(document: T, text: (document: T, page: Page) => string): void {
    const { stdout } = this.#output;
    this.#unfold();
    stdout.write(text(document, { columns: stdout.columns, style: this.#options.style }));
  }

  screen<T extends object>(document: T, text: (document: T, page: Page) => string): void {
    const isFirst = this.#news.isFirst;
    if (!this.#news.isNew(document)) return;
    this.result(document, (clean, page) => `${isFirst ? '' : '\n'}${text(clean, page)}`);
  }

  close(): void {
    this.#unfold();
    this.#closed.abort();
  }

  get #page(): Page {
    return { columns: Math.min(widest, this.#output.stderr.columns), style: plainStyle };
  }

  #tell(event: RunEvent): void {
    if (event.type === 'run.started') {
      this.#fold = fold(this.#options.folds, 'run', this.#view.header, this.#clock);
      this.#say(this.#fold.begin());
    }
    if (event.type === 'run.ended') this.#unfold();
    const said = announcement(event, this.#view);
    if (said !== undefined) this.#line(`${said.warning ? 'warning: ' : ''}${said.text}`);
  }

  #unfold(): void {
    const end = this.#fold?.end();
    this.#fold = undefined;
    if (end !== undefined && end !== '') this.#say(end);
  }

  #line(text: string): void {
    this.#say(`${oneLine(text)}\n`);
  }

  #say(text: string): void {
    this.#spoken = this.#clock.monotonic();
    this.#output.stderr.write(text);
  }

  /** One loop that speaks after silence, as long as there is something to wait for. */
  async #beat(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    const { signal } = this.#closed;
    while (!signal.aborted && (this.#view.running || this.#busy.size > 0)) {
      const left = this.#spoken + silence - this.#clock.monotonic();
      if (left <= 0) this.#line(this.#waiting());
      else await this.#clock.sleep(left, signal).catch(() => undefined);
    }
    this.#beating = false;
  }

  #waiting(): string {
    const now = this.#clock.monotonic();
    const step = waiting(this.#view.active, now);
    if (step !== undefined) return step;
    const [busy] = this.#busy;
    return busy === undefined ? 'still under way' : `${busy.text} (${duration(now - busy.since)})`;
  }
}
