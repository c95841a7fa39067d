import type { Reporter, ReporterOptions } from './reporter.js';
import { loadStyle, plainStyle, wordStyle } from './style.js';
import { mapTexts, printable } from './text.js';

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
    const { logGroupsFor: foldsOf, withoutCommands } = await import('./log-groups.js');
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
