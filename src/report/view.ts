import { given } from '../domain/given.js';
import type { RunEvent } from '../run/events.js';
import type { Plan, Step } from '../run/plan.js';
import { stepsOf } from '../run/walk.js';
import type { Card } from './card.js';

/** A running step or undo. */
export interface Active {
  readonly step: string;
  /** The step's host, service, or `all`. */
  readonly label: string;
  readonly title: string;
  readonly undo: boolean;
  /** When it began, in ms of the monotonic clock. */
  readonly since: number;
  /** The step's own progress text. */
  readonly text?: string;
  /** 0 to 1 */
  readonly fraction?: number;
}

/** A finished step or undo. */
export interface Finished {
  readonly kind: 'done' | 'skipped' | 'failed' | 'undone' | 'undo-failed' | 'never';
  readonly label: string;
  readonly host: string | undefined;
  /** Includes the service if the run has several. */
  readonly title: string;
  readonly ms?: number;
  /** Set for all failures, `skipped` and `never`. */
  readonly reason?: string;
}

/** The running steps of a host, and the number of unfinished ones. */
export interface HostState {
  readonly host: string;
  readonly active: readonly Active[];
  readonly remaining: number;
}

/** The state of a run, from its events. */
export class RunView {
  readonly #steps = new Map<string, Step>();
  readonly #titles = new Map<string, string>();
  readonly #active = new Map<string, Active>();
  readonly #finished = new Set<string>();
  #plan: Plan | undefined;
  /** The first failure caused the others. */
  #failed: { readonly title: string; readonly message: string } | undefined;
  #startedAt = 0;
  #running = false;
  #changed = false;
  #undoing = false;

  /**
   * Applies an event; `now` in ms of the monotonic clock. Returns the step that it finished, if that is worth a line:
   * steps that did nothing are not.
   */
  apply(event: RunEvent, now: number): Finished | undefined {
    switch (event.type) {
      case 'run.started':
        this.#start(event.plan, now);
        return undefined;
      case 'run.resumed':
        this.#running = true;
        this.#startedAt = now;
        return undefined;
      case 'run.ended':
        this.#running = false;
        this.#active.clear();
        return undefined;
      case 'step.started':
        this.#changed = true;
        this.#titles.set(event.step, event.title);
        this.#begin(event.step, now, false);
        return undefined;
      case 'undo.started':
        this.#undoing = true;
        this.#titles.set(event.step, event.title);
        this.#begin(event.step, now, true);
        return undefined;
      case 'step.progress':
        this.#progress(event);
        return undefined;
      case 'step.skipped':
        return this.#skipped(event);
      case 'step.done':
        return this.#finish(event.step, 'done', event.ms);
      case 'step.failed':
        this.#failed ??= { title: this.#title(event.step), message: event.failure.message };
        return this.#finish(event.step, 'failed', event.ms, event.failure.message);
      case 'undo.done':
        return this.#active.has(event.step) ? this.#finish(event.step, 'undone', event.ms) : undefined;
      case 'undo.failed':
        return this.#finish(event.step, 'undo-failed', event.ms, event.failure.message);
      case 'undo.never':
        if (event.title !== undefined) this.#titles.set(event.step, event.title);
        return this.#finish(event.step, 'never', undefined, event.reason);
      case 'run.warning':
      case 'run.committed':
      case 'run.cancelled':
        return undefined;
    }
  }

  /** Whether steps are being undone; no new ones start. */
  get undoing(): boolean {
    return this.#undoing;
  }

  /** Whether any step has started. */
  get changed(): boolean {
    return this.#changed;
  }

  get running(): boolean {
    return this.#running;
  }

  /** In ms of the monotonic clock. */
  get startedAt(): number {
    return this.#startedAt;
  }

  /** The first line of a run: `deploy web  production  run 3f2a`. */
  get header(): string {
    if (this.#plan === undefined) return 'run';
    const { run, services } = this.#plan;
    const names = services.map(({ name }) => name).join(' ');
    return `${run.recipe}${names === '' ? '' : ` ${names}`}  ${run.environment}  run ${run.id}`;
  }

  get steps(): { readonly finished: number; readonly total: number } {
    return { finished: this.#finished.size, total: Math.max(this.#steps.size, this.#finished.size) };
  }

  /** Running steps, oldest first. */
  get active(): readonly Active[] {
    return [...this.#active.values()];
  }

  /** Whether a step of this title is running. */
  isActive(title: string): boolean {
    return this.active.some((active) => this.#qualifiedTitle(active.step, active.title) === title);
  }

  /** Whether the progress differs from the last one. */
  isNewProgress({ step, text, fraction }: Extract<RunEvent, { type: 'step.progress' }>): boolean {
    const active = this.#active.get(step);
    return active?.text !== text || active.fraction !== fraction;
  }

  /** The hosts of the plan in its order, then running steps without a host. While undoing, only running steps. */
  get hosts(): readonly HostState[] {
    const states = new Map<string, { active: Active[]; remaining: number }>();
    for (const step of this.#steps.values()) {
      if (step.host === undefined || this.#undoing) continue;
      const state = states.get(step.host) ?? { active: [], remaining: 0 };
      if (!this.#finished.has(step.id)) state.remaining += 1;
      states.set(step.host, state);
    }
    for (const active of this.#active.values()) {
      const state = states.get(active.label) ?? { active: [], remaining: 1 };
      state.active.push(active);
      states.set(active.label, state);
    }
    return [...states].map(([host, state]) => ({ host, ...state }));
  }

  /** Returns the step's host, service, or `all`. */
  label(id: string): string {
    const step = this.#steps.get(id);
    return step?.host ?? step?.service ?? 'all';
  }

  /** Fills in the subject and the failed step of this run if the card lacks them. */
  withRunDetails(card: Card): Card {
    const subject = this.#subject;
    const failed = this.#failed;
    if (subject === undefined) return card;
    const step =
      failed === undefined || failed.message !== card.failures[0]?.message ? {} : { step: failed.title };
    const never = card.never?.map(({ step: id, reason }) => ({ step: this.#title(id), reason }));
    return { subject, ...step, ...card, ...given({ never }) };
  }

  #start(plan: Plan, now: number): void {
    this.#plan = plan;
    this.#startedAt = now;
    this.#running = true;
    for (const step of [...stepsOf(plan.steps), ...stepsOf(plan.after)]) this.#steps.set(step.id, step);
  }

  #begin(step: string, since: number, undo: boolean): void {
    this.#active.set(step, { step, label: this.label(step), title: this.#title(step), undo, since });
  }

  #progress({ step, text, fraction }: Extract<RunEvent, { type: 'step.progress' }>): void {
    const active = this.#active.get(step);
    if (active === undefined) return;
    const { fraction: _, ...rest } = active;
    this.#active.set(step, { ...rest, text, ...given({ fraction }) });
  }

  #finish(id: string, kind: Finished['kind'], ms?: number, reason?: string): Finished {
    this.#active.delete(id);
    this.#finished.add(id);
    return {
      kind,
      label: this.label(id),
      host: this.#steps.get(id)?.host,
      title: this.#qualifiedTitle(id, this.#title(id)),
      ...given({ ms, reason }),
    };
  }

  #skipped({ step, because, news }: Extract<RunEvent, { type: 'step.skipped' }>): Finished | undefined {
    const finished = this.#finish(step, 'skipped', undefined, because);
    return news ? finished : undefined;
  }

  get #subject(): string | undefined {
    if (this.#plan === undefined) return undefined;
    const { run, services } = this.#plan;
    return [run.recipe, ...services.map(({ name }) => name), 'on', run.environment].join(' ');
  }

  #title(id: string): string {
    return this.#titles.get(id) ?? this.#steps.get(id)?.task ?? id;
  }

  #qualifiedTitle(id: string, title: string): string {
    const service = this.#steps.get(id)?.service;
    const several = (this.#plan?.services.length ?? 0) > 1;
    return !several || service === undefined || title.includes(service) ? title : `${service}: ${title}`;
  }
}
