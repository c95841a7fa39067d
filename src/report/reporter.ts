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

/** The output of a command. Never throws; makes every text safe to show. */
export interface Reporter {
  /** Shows an event of a run. */
  event(event: RunEvent): void;
  /**
   * Shows running work that is not a step; returns a function that ends it. `late`: shown only once it takes long.
   * `brief`: shown at once only if the line can be erased.
   */
  busy(text: string, options?: BusyOptions): () => void;
  /** Reports a call to a host if it takes long, or if verbose; returns a function that takes its result. */
  call(call: Call): (end: CallEnd) => void;
  note(text: string): void;
  warn(text: string): void;
  /** Shows the plan before a confirmation. If the plan is the result, use {@link result}. */
  preview(preview: PreviewDocument): void;
  /** Shows the preflight problems of all hosts. */
  problems(problems: readonly FailureRecord[]): void;
  /** Shows a failure. Fills in the subject and step of the last run. */
  failure(card: Card): void;
  /** Shows the last lines of a successful run. */
  summary(outcome: Outcome, summary: Summary): void;
  /** Prints the result to stdout, as JSON or laid out by `text`. */
  result<T extends object>(document: T, text: (document: T, page: Page) => string): void;
  /** Like {@link result}, for a result that changes: redrawn in place on a terminal, elsewhere printed on each change. */
  screen<T extends object>(document: T, text: (document: T, page: Page) => string): void;
  /** Stops drawing and restores the terminal; safe to call twice. The process may hang without it. */
  close(): void;
}

/** `auto`: live lines on a terminal, plain lines elsewhere. */
export type ReportMode = 'auto' | 'plain' | 'json';

/** Output in addition to results, warnings and failures: none, progress, or progress and every call to a host. */
export type Detail = 'quiet' | 'usual' | 'verbose';

export interface ReporterOptions {
  readonly output: Output;
  readonly clock: Clock;
  readonly mode: ReportMode;
  readonly detail?: Detail;
  /** Environment variables, to detect the CI. */
  readonly env: Readonly<Record<string, string | undefined>>;
}
