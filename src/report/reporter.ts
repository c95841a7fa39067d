import type { BusyOptions } from '../app/listener.js';
import type { Clock } from '../domain/clock.js';
import type { FailureRecord } from '../domain/failure.js';
import type { Outcome, RunEvent } from '../run/events.js';
import type { Call, CallEnd } from './calls.js';
import type { Card } from './card.js';
import type { Output } from './output.js';
import type { PreviewDocument } from './preview.js';
import type { Page } from './style.js';
import type { Summary } from './summary.js';

/** All that a command says. Nothing of it throws; texts may come from anywhere, they are made safe here. */
export interface Reporter {
  /** Shows how a run goes. */
  event(event: RunEvent): void;
  /**
   * Says that something without steps is under way, until the function that it gives back is called; where it is `late`, only once
   * it takes long; where it is `brief`, at once only where the line can be taken away again.
   */
  busy(text: string, options?: BusyOptions): () => void;
  /** Hears of a call to a host, and by the function that it gives back how that ended; says so where it takes long, or where all is said. */
  call(call: Call): (end: CallEnd) => void;
  note(text: string): void;
  warn(text: string): void;
  /** The plan of a run that is about to be confirmed; where the plan is the result, see {@link result}. */
  preview(preview: PreviewDocument): void;
  /** The problems that a preflight found, of all hosts. */
  problems(problems: readonly FailureRecord[]): void;
  /** A failure, of a run or of anything else; step and subject of the last run are filled in. */
  failure(card: Card): void;
  /** The last lines of a run that ended well. */
  summary(outcome: Outcome, summary: Summary): void;
  /** What was asked for: `text` lays the document out for people. Both go to stdout. */
  result<T extends object>(document: T, text: (document: T, page: Page) => string): void;
  /**
   * The same for a result that goes on changing: drawn over the last one on a terminal; elsewhere a document, or a block
   * of lines, each time that it has changed.
   */
  screen<T extends object>(document: T, text: (document: T, page: Page) => string): void;
  /** Ends the drawing and gives the terminal back; safe to call twice. Without it the process may not end. */
  close(): void;
}

/** `auto`: drawn over on a terminal, plain lines elsewhere. */
export type ReportMode = 'auto' | 'plain' | 'json';

/** What is said beside results, warnings and failures: nothing, what is done, or every call to a host too. */
export type Detail = 'quiet' | 'usual' | 'verbose';

export interface ReporterOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly mode: ReportMode;
  readonly detail?: Detail;
  /** Says which CI this is, if any. */
  readonly env: Readonly<Record<string, string | undefined>>;
}
