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

/** The number of the shape of all that is printed as JSON; raised when a field changes its meaning or goes. */
export const schema = 1;

/**
 * One event a line on stdout, `{schema, type, at, …}`; the result of a command that has one is a document of its
 * own, `{schema, …}`. Intents, receipts and inputs stay in the journal: they are between a task and its version.
 */
export class JsonReporter implements Reporter {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #detail: Detail;
  readonly #news = new ChangeDetector();
  #steps = new Map<string, Step>();

  constructor(output: Output, clock: Clock, detail: Detail) {
    this.#output = output;
    this.#clock = clock;
    this.#detail = detail;
  }

  event(event: RunEvent): void {
    if (this.#detail === 'quiet' && event.type !== 'run.warning') return;
    if (event.type === 'run.started') {
      this.#started(event);
      return;
    }
    const {
      type,
      step,
      intent: _,
      receipt: __,
      ...fields
    } = { step: undefined, intent: 0, receipt: 0, ...event };
    this.#line(type, { ...(step === undefined ? {} : this.#place(step)), ...fields });
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
    this.#line('summary', { result: outcome.result, ...summary });
  }

  result<T extends object>(document: T): void {
    this.#output.stdout.write(`${JSON.stringify({ schema, ...document }, undefined, 2)}\n`);
  }

  screen<T extends object>(document: T): void {
    if (this.#news.isNew(document)) this.result(document);
  }

  close(): void {}

  #started({ at, plan }: Extract<RunEvent, { type: 'run.started' }>): void {
    const steps = stepsOf(plan.steps);
    const after = stepsOf(plan.after);
    this.#steps = new Map([...steps, ...after].map((step) => [step.id, step]));
    const ids = (part: readonly Step[]) => part.map(({ id }) => ({ ...this.#place(id) }));
    this.#line('run.started', {
      at,
      run: plan.run,
      onFailure: plan.onFailure,
      steps: ids(steps),
      after: ids(after),
    });
  }

  /** What a step is about. */
  #place(id: string) {
    const { task, service, instance, host } = this.#steps.get(id) ?? {};
    return { step: id, task, service, instance, host };
  }

  #line(type: string, fields: Readonly<Record<string, unknown>>): void {
    const at = this.#clock.now().toISOString();
    this.#output.stdout.write(`${JSON.stringify({ schema, type, at, ...fields })}\n`);
  }
}

/** A preview as the document that `plan --json` prints. */
export function previewDocument({ steps, cautions, forecast }: PreviewDocument) {
  return {
    ...{ cautions, forecast },
    steps: steps.map(({ step, title, verdict, never, after }) => {
      const { id, task, service, instance, host } = step;
      return { step: id, task, service, instance, host, title, ...verdict, never, after };
    }),
  };
}
