import type { BusyOptions } from '../app/listener.js';
import type { Clock } from '../domain/clock.js';
import type { FailureRecord } from '../domain/failure.js';
import { duration } from '../domain/measure.js';
import type { Outcome, RunEvent } from '../run/events.js';
import { type Call, type CallEnd, Calls, callLine } from './calls.js';
import { type Card, failureCard } from './card.js';
import { ChangeDetector } from './change-detector.js';
import { type FoldingCi, logGroup } from './log-groups.js';
import { type Activity, eventNotice, finishedText, maxSilence, waitText } from './messages.js';
import type { Output } from './output.js';
import { type PreviewDocument, previewText } from './preview.js';
import { problemTable } from './problems.js';
import type { Detail, Reporter } from './reporter.js';
import type { Page, Style } from './style.js';
import { type Summary, summaryText } from './summary.js';
import { oneLine } from './text.js';
import { RunView } from './view.js';

/** The width limit of tables and cards, for output without a terminal. */
const maxColumns = 100;

export interface PlainOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly ci: FoldingCi | undefined;
  readonly detail: Detail;
  readonly style: Style;
  /** For results, which go to stdout. */
  readonly resultStyle: Style;
}

/** Prints one line per event, for logs and screen readers. */
export class PlainReporter implements Reporter {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #options: PlainOptions;
  readonly #view = new RunView();
  readonly #changes = new ChangeDetector();
  readonly #closed = new AbortController();
  readonly #activities = new Set<Activity>();
  readonly #calls: Calls;
  #logGroup: { begin(): string; end(): string } | undefined;
  #lastOutput: number;
  #reportingWaits = false;

  constructor(options: PlainOptions) {
    this.#options = options;
    this.#output = options.output;
    this.#clock = options.clock;
    this.#calls = new Calls(options.clock);
    this.#lastOutput = options.clock.monotonic();
  }

  event(event: RunEvent): void {
    const finished = this.#view.apply(event, this.#clock.monotonic());
    if (finished !== undefined && !this.#isQuiet) this.#line(finishedText(finished));
    this.#printEvent(event);
    void this.#reportWaits();
  }

  busy(text: string, options: BusyOptions = {}): () => void {
    const late = options.late === true || (options.brief === true && !this.#options.output.interactive);
    const entry = { text, since: this.#clock.monotonic(), late };
    this.#activities.add(entry);
    if (late) this.#lastOutput = entry.since;
    else if (!this.#isQuiet) this.#line(text);
    void this.#reportWaits();
    return () => void this.#activities.delete(entry);
  }

  call(call: Call): (end: CallEnd) => void {
    const done = this.#calls.begin(call);
    return (end) => {
      done();
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
    this.#write(previewText(preview, this.#fullWidthPage));
  }

  problems(problems: readonly FailureRecord[]): void {
    this.#write(problemTable(problems, this.#page));
  }

  failure(card: Card): void {
    this.#endLogGroup();
    this.#write(failureCard(this.#view.withRunDetails(card), this.#page));
  }

  summary(outcome: Outcome, summary: Summary): void {
    this.#endLogGroup();
    const text = summaryText(outcome, summary, this.#fullWidthPage);
    if (!this.#isQuiet || outcome.failures.length > 0) this.#write(text);
  }

  result<T extends object>(document: T, text: (document: T, page: Page) => string): void {
    const { stdout } = this.#output;
    this.#endLogGroup();
    stdout.write(text(document, { columns: stdout.columns, style: this.#options.resultStyle }));
  }

  screen<T extends object>(document: T, text: (document: T, page: Page) => string): void {
    const isFirst = this.#changes.isFirst;
    if (!this.#changes.isNew(document)) return;
    this.result(document, (clean, page) => `${isFirst ? '' : '\n'}${text(clean, page)}`);
  }

  close(): void {
    this.#endLogGroup();
    this.#closed.abort();
  }

  get #page(): Page {
    return { ...this.#fullWidthPage, columns: Math.min(maxColumns, this.#output.stderr.columns) };
  }

  get #fullWidthPage(): Page {
    return { columns: this.#output.stderr.columns, style: this.#options.style };
  }

  get #isQuiet(): boolean {
    return this.#options.detail === 'quiet';
  }

  #printEvent(event: RunEvent): void {
    if (event.type === 'run.started') {
      this.#logGroup = logGroup(this.#options.ci, 'run', this.#view.header, this.#clock);
      if (!this.#isQuiet) this.#write(this.#logGroup.begin());
    }
    if (event.type === 'run.ended') this.#endLogGroup();
    const notice = eventNotice(event, this.#view);
    if (notice?.warning === true || (notice !== undefined && !this.#isQuiet))
      this.#line(`${notice.warning ? 'warning: ' : ''}${notice.text}`);
  }

  #endLogGroup(): void {
    const end = this.#logGroup?.end();
    this.#logGroup = undefined;
    if (end !== undefined && end !== '' && !this.#isQuiet) this.#write(end);
  }

  #line(text: string): void {
    this.#write(`${oneLine(text)}\n`);
  }

  #write(text: string): void {
    this.#lastOutput = this.#clock.monotonic();
    this.#output.stderr.write(text);
  }

  /** Prints the current wait after each silence, while there is one. */
  async #reportWaits(): Promise<void> {
    if (this.#reportingWaits || this.#isQuiet) return;
    this.#reportingWaits = true;
    const { signal } = this.#closed;
    while (!signal.aborted && (this.#view.running || this.#activities.size > 0)) {
      const remaining = this.#lastOutput + maxSilence - this.#clock.monotonic();
      if (remaining <= 0) this.#line(this.#waitLine());
      else await this.#clock.sleep(remaining, signal).catch(() => undefined);
    }
    this.#reportingWaits = false;
  }

  #waitLine(): string {
    const now = this.#clock.monotonic();
    const wait = waitText(this.#view.active, this.#calls, now);
    if (wait !== undefined) return wait;
    const activity = [...this.#activities].at(-1);
    return activity === undefined ? 'still running' : `${activity.text} (${duration(now - activity.since)})`;
  }
}
