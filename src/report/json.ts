import type { Clock } from '../domain/clock.js';
import type { FailureRecord } from '../domain/failure.js';
import type { Outcome, RunEvent } from '../run/events.js';
import type { Step } from '../run/plan.js';
import { stepsOf } from '../run/walk.js';
import type { Call, CallEnd } from './calls.js';
import type { Card } from './card.js';
import { ChangeDetector } from './change-detector.js';
import type { Output } from './output.js';
import type { PreviewDocument } from './preview.js';
import type { Detail, Reporter } from './reporter.js';
import type { Summary } from './summary.js';

/** The version of the JSON output; raised when a field is removed or changes its meaning. */
export const schema = 1;

/**
 * Prints one event per line on stdout, `{schema, type, at, …}`, and a command's result as one document, `{schema, …}`.
 * Omits intents, receipts and inputs: their shape belongs to the tasks.
 */
export class JsonReporter implements Reporter {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #detail: Detail;
  readonly #changes = new ChangeDetector();
  #steps = new Map<string, Step>();

  constructor(output: Output, clock: Clock, detail: Detail) {
    this.#output = output;
    this.#clock = clock;
    this.#detail = detail;
  }

  event(event: RunEvent): void {
    if (this.#detail === 'quiet' && event.type !== 'run.warning') return;
    if (event.type === 'run.started') {
      this.#runStarted(event);
      return;
    }
    const {
      type,
      step,
      intent: _,
      receipt: __,
      ...fields
    } = { step: undefined, intent: 0, receipt: 0, ...event };
    this.#line(type, { ...(step === undefined ? {} : this.#stepFields(step)), ...fields });
  }

  busy(): () => void {
    return () => undefined;
  }

  call(call: Call): (end: CallEnd) => void {
    return ({ duration, failure }) => {
      const { host, kind, what } = call;
      if (this.#detail === 'verbose')
        this.#line('call', { host, kind, what, ms: Math.round(duration), failure });
    };
  }

  note(text: string): void {
    if (this.#detail !== 'quiet') this.#line('note', { text });
  }

  warn(text: string): void {
    this.#line('warning', { text });
  }

  preview(preview: PreviewDocument): void {
    this.#line('preview', { ...previewDocument(preview) });
  }

  problems(problems: readonly FailureRecord[]): void {
    this.#line('problems', { problems });
  }

  failure(card: Card): void {
    this.#line('failure', { ...card });
  }

  summary(outcome: Outcome, summary: Summary): void {
    const never = outcome.never.length === 0 ? {} : { never: outcome.never };
    this.#line('summary', { result: outcome.result, ...summary, ...never });
  }

  result<T extends object>(document: T): void {
    this.#output.stdout.write(`${JSON.stringify({ schema, ...document }, undefined, 2)}\n`);
  }

  screen<T extends object>(document: T): void {
    if (this.#changes.isNew(document)) this.result(document);
  }

  close(): void {}

  #runStarted({ at, plan }: Extract<RunEvent, { type: 'run.started' }>): void {
    const steps = stepsOf(plan.steps);
    const after = stepsOf(plan.after);
    this.#steps = new Map([...steps, ...after].map((step) => [step.id, step]));
    const ids = (part: readonly Step[]) => part.map(({ id }) => ({ ...this.#stepFields(id) }));
    this.#line('run.started', {
      at,
      run: plan.run,
      onFailure: plan.onFailure,
      steps: ids(steps),
      after: ids(after),
    });
  }

  #stepFields(id: string) {
    const { task, service, instance, host } = this.#steps.get(id) ?? {};
    return { step: id, task, service, instance, host };
  }

  #line(type: string, fields: Readonly<Record<string, unknown>>): void {
    const at = this.#clock.now().toISOString();
    this.#output.stdout.write(`${JSON.stringify({ schema, type, at, ...fields })}\n`);
  }
}

/** Returns the document that `plan --json` prints. */
export function previewDocument({ steps, cautions, forecast }: PreviewDocument) {
  return {
    ...{ cautions, forecast },
    steps: steps.map(({ step, title, verdict, never, after }) => {
      const { id, task, service, instance, host } = step;
      return { step: id, task, service, instance, host, title, ...verdict, never, after };
    }),
  };
}
