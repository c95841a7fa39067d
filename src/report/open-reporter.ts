import type { Reporter, ReporterOptions } from './reporter.js';
import { loadStyle, plainStyle, wordStyle } from './style.js';
import { mapTexts, printable } from './text.js';

/** Returns the reporter for a mode and an output. Loads chalk and ora only if needed. */
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
  if (mode === 'plain' || detail === 'quiet' || !output.interactive) {
    const { PlainReporter } = await import('./plain.js');
    const { foldingCi, withoutCommands } = await import('./log-groups.js');
    const ci = foldingCi(env);
    const safe = (text: string) => output.redact(printable(output.redact(text)));
    const reporter = new PlainReporter({
      output,
      clock,
      ci,
      detail,
      style: mode === 'plain' ? wordStyle : plainStyle,
      resultStyle: mode === 'plain' ? wordStyle : await loadStyle(output.stdout.color),
    });
    return guarded(reporter, ci === 'github' ? (text) => withoutCommands(safe(text)) : safe);
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
    style: await loadStyle(output.stderr.color),
    resultStyle: await loadStyle(output.stdout.color),
  });
  return guarded(reporter, (text) => output.redact(printable(output.redact(text))));
}

/** Passes every text through `safe` before the reporter can cut or wrap it. */
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
