import type { Clock } from '../domain/clock.js';
import type { FailureRecord } from '../domain/failure.js';
import type { Outcome, RunEvent } from '../engine/events.js';
import type { Call, CallEnd } from './calls.js';
import type { Card } from './card.js';
import type { Output } from './output.js';
import type { Preview } from './preview.js';
import { loadStyle, type Page, plainStyle, wordStyle } from './style.js';
import type { Summary } from './summary.js';
import { mapTexts, printable } from './text.js';

/** All that a command says. Nothing of it throws; texts may come from anywhere, they are made safe here. */
export interface Reporter {
  /** Shows how a run goes. */
  event(event: RunEvent): void;
  /**
   * Says that something without steps is under way, until the function that it gives back is called; where it is `late`, only once
   * it takes long.
   */
  busy(text: string, options?: { readonly late?: boolean }): () => void;
  /** Hears of a call to a host, and by the function that it gives back how that ended; says so where it takes long, or where all is said. */
  call(call: Call): (end: CallEnd) => void;
  note(text: string): void;
  warn(text: string): void;
  /** The plan of a run that is about to be confirmed; where the plan is the result, see {@link result}. */
  preview(preview: Preview): void;
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

/** The reporter for this mode and output; chalk and ora are loaded only where they are needed. */
export async function openReporter({
  output,
  clock,
  mode,
  detail = 'usual',
  env,
}: ReporterOptions): Promise<Reporter> {
  if (mode === 'json') {
    const { JsonReporter } = await import('./json.js');
    return guarded(new JsonReporter(output, clock, detail), output.redact);
  }
  // What says nothing has nothing to draw.
  if (mode === 'plain' || detail === 'quiet' || !output.interactive) {
    const { PlainReporter } = await import('./plain.js');
    const { foldsOf, withoutCommands } = await import('./folds.js');
    const folds = foldsOf(env);
    const safe = (text: string) => output.redact(printable(output.redact(text)));
    const reporter = new PlainReporter({
      output,
      clock,
      folds,
      detail,
      style: mode === 'plain' ? wordStyle : plainStyle,
      resultStyle: mode === 'plain' ? wordStyle : await loadStyle(output.stdout.colour),
    });
    return guarded(reporter, folds === 'github' ? (text) => withoutCommands(safe(text)) : safe);
  }
  const [{ TerminalReporter }, { loadSpinner }] = await Promise.all([
    import('./terminal.js'),
    import('./spinner.js'),
  ]);
  const reporter = new TerminalReporter({
    output,
    clock,
    detail,
    spin: await loadSpinner(),
    style: await loadStyle(output.stderr.colour),
    resultStyle: await loadStyle(output.stdout.colour),
  });
  return guarded(reporter, (text) => output.redact(printable(output.redact(text))));
}

/** The reporter, given only texts that went through `safe`: before any of them is cut or wrapped. */
export function guarded(reporter: Reporter, safe: (text: string) => string): Reporter {
  const clean = <T>(value: T) => mapTexts(value, safe);
  return {
    event: (event) => reporter.event(clean(event)),
    busy: (text, options) => reporter.busy(safe(text), options),
    call: (call) => reporter.call(clean(call)),
    note: (text) => reporter.note(safe(text)),
    warn: (text) => reporter.warn(safe(text)),
    preview: (preview) => reporter.preview(clean(preview)),
    problems: (problems) => reporter.problems(clean(problems)),
    failure: (card) => reporter.failure(clean(card)),
    summary: (outcome, summary) => reporter.summary(outcome, clean(summary)),
    result: (document, text) => reporter.result(clean(document), text),
    screen: (document, text) => reporter.screen(clean(document), text),
    close: () => reporter.close(),
  };
}
