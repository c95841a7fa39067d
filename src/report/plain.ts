import type { BusyOptions } from '../app/listener.js';
import type { Clock } from '../domain/clock.js';
import type { FailureRecord } from '../domain/failure.js';
import { duration } from '../domain/measure.js';
import type { Outcome, RunEvent } from '../run/events.js';
import { type Call, type CallEnd, Calls, callLine } from './calls.js';
import { type Card, failureCard } from './card.js';
import { ChangeDetector } from './change-detector.js';
import { type LogGroups, logGroup } from './log-groups.js';
import type { Output } from './output.js';
import { type PreviewDocument, previewText } from './preview.js';
import { problemTable } from './problems.js';
import type { Detail, Reporter } from './reporter.js';
import type { Page, Style } from './style.js';
import { type Summary, summaryText } from './summary.js';
import { oneLine } from './text.js';
import { RunView } from './view.js';
import { announcement, type Busy, sentence, silence, waitingFor } from './words.js';

/** The widest that tables and cards get where no terminal says how wide it is. */
const widest = 100;

export interface PlainOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly folds: LogGroups | undefined;
  readonly detail: Detail;
  readonly style: Style;
  /** For results, which may go elsewhere. */
  readonly resultStyle: Style;
}

/** One line for each thing that happened, in words: for logs, and for people who listen to their terminal. */
export class PlainReporter implements Reporter {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #options: PlainOptions;
  readonly #view = new RunView();
  readonly #news = new ChangeDetector();
  readonly #closed = new AbortController();
  readonly #busy = new Set<Busy>();
  readonly #calls: Calls;
  #fold: { begin(): string; end(): string } | undefined;
  #spoken: number;
  #beating = false;

  constructor(options: PlainOptions) {
    this.#options = options;
    this.#output = options.output;
    this.#clock = options.clock;
    this.#calls = new Calls(options.clock);
    this.#spoken = options.clock.monotonic();
  }

  event(event: RunEvent): void {
    const finished = this.#view.apply(event, this.#clock.monotonic());
    if (finished !== undefined && !this.#isQuiet) this.#line(sentence(finished));
    this.#tell(event);
    void this.#beat();
  }

  busy(text: string, options: BusyOptions = {}): () => void {
    const late = options.late === true || (options.brief === true && !this.#options.output.interactive);
    const entry = { text, since: this.#clock.monotonic(), late };
    this.#busy.add(entry);
    if (late) this.#spoken = entry.since;
    else if (!this.#isQuiet) this.#line(text);
    void this.#beat();
    return () => void this.#busy.delete(entry);
  }

  call(call: Call): (end: CallEnd) => void {
    const over = this.#calls.begin(call);
    return (end) => {
      over();
      if (this.#options.detail === 'verbose') this.#line(callLine(call, end, this.#clock));
    };
  }

  note(text: string): void {
    if (!this.#isQuiet) this.#line(text);
  }

  warn(text: string): void {
    this.#line(`warning: ${text}`);
  }

  preview(preview: PreviewDocument): void {
    this.#say(previewText(preview, this.#wide));
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
    const text = summaryText(outcome, summary, this.#wide);
    if (!this.#isQuiet || outcome.failures.length > 0) this.#say(text);
  }

  result<T extends object>(document: T, text: (document: T, page: Page) => string): void {
    const { stdout } = this.#output;
    this.#unfold();
    stdout.write(text(document, { columns: stdout.columns, style: this.#options.resultStyle }));
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
    return { ...this.#wide, columns: Math.min(widest, this.#output.stderr.columns) };
  }

  get #wide(): Page {
    return { columns: this.#output.stderr.columns, style: this.#options.style };
  }

  get #isQuiet(): boolean {
    return this.#options.detail === 'quiet';
  }

  #tell(event: RunEvent): void {
    if (event.type === 'run.started') {
      this.#fold = logGroup(this.#options.folds, 'run', this.#view.header, this.#clock);
      if (!this.#isQuiet) this.#say(this.#fold.begin());
    }
    if (event.type === 'run.ended') this.#unfold();
    const said = announcement(event, this.#view);
    if (said?.warning === true || (said !== undefined && !this.#isQuiet))
      this.#line(`${said.warning ? 'warning: ' : ''}${said.text}`);
  }

  #unfold(): void {
    const end = this.#fold?.end();
    this.#fold = undefined;
    if (end !== undefined && end !== '' && !this.#isQuiet) this.#say(end);
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
    if (this.#beating || this.#isQuiet) return;
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
    const known = waitingFor(this.#view.active, this.#calls, now);
    if (known !== undefined) return known;
    const busy = [...this.#busy].at(-1);
    return busy === undefined ? 'still under way' : `${busy.text} (${duration(now - busy.since)})`;
  }
}
