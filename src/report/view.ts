import { given } from '../domain/given.js';
import type { RunEvent } from '../run/events.js';
import type { Plan, Step } from '../run/plan.js';
import { stepsOf } from '../run/walk.js';
import type { Card } from './card.js';

/** A step, or its undo, that is under way. */
export interface Active {
  readonly step: string;
  /** The host, or what else the step is about. */
  readonly label: string;
  readonly title: string;
  readonly undo: boolean;
  /** When it began, on the monotonic clock. */
  readonly since: number;
  /** How far it is, in its own words. */
  readonly text?: string;
  /** 0 to 1 */
  readonly fraction?: number;
}

/** A step, or its undo, that came to an end. */
export interface Finished {
  readonly kind: 'done' | 'skipped' | 'failed' | 'undone' | 'undo-failed' | 'never';
  readonly label: string;
  readonly host: string | undefined;
  /** With the name of its service where there are several and it does not name it itself. */
  readonly title: string;
  readonly ms?: number;
  /** Why: of skipped, failed and never. */
  readonly reason?: string;
}

/** What a host is doing: `left` counts the steps before its work is over. */
export interface HostState {
  readonly host: string;
  readonly active: readonly Active[];
  readonly left: number;
}

/** A run as its events have told it so far. */
export class RunView {
  readonly #steps = new Map<string, Step>();
  readonly #titles = new Map<string, string>();
  readonly #active = new Map<string, Active>();
  readonly #over = new Set<string>();
  #plan: Plan | undefined;
  /** The first failure: the cause of what followed. */
  #failed: { readonly title: string; readonly message: string } | undefined;
  #began = 0;
  #running = false;
  #changed = false;
  #undoing = false;

  /**
   * Takes in an event that came at `now`, in ms of the monotonic clock; gives back the step that it ends, where that is worth a
   * line: what had nothing to do, or nothing to take back, is not.
   */
  apply(event: RunEvent, now: number): Finished | undefined {
    switch (event.type) {
      case 'run.started':
        this.#start(event.plan, now);
        return undefined;
      case 'run.resumed':
        this.#running = true;
        this.#began = now;
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
        return this.#skip(event);
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
        return this.#finish(event.step, 'never', undefined, event.reason);
      case 'run.warning':
      case 'run.committed':
      case 'run.cancelled':
        return undefined;
    }
  }

  /** Whether steps are being taken back: those that have not run will not run any more. */
  get undoing(): boolean {
    return this.#undoing;
  }

  /** Whether any step has begun to do something. */
  get changed(): boolean {
    return this.#changed;
  }

  get running(): boolean {
    return this.#running;
  }

  /** ms on the monotonic clock. */
  get began(): number {
    return this.#began;
  }

  /** `deploy web  production  run 3f2a`. */
  get header(): string {
    if (this.#plan === undefined) return 'run';
    const { run, services } = this.#plan;
    const names = services.map(({ name }) => name).join(' ');
    return `${run.recipe}${names === '' ? '' : ` ${names}`}  ${run.environment}  run ${run.id}`;
  }

  get steps(): { readonly over: number; readonly all: number } {
    return { over: this.#over.size, all: Math.max(this.#steps.size, this.#over.size) };
  }

  /** What is under way, the longest first. */
  get active(): readonly Active[] {
    return [...this.#active.values()];
  }

  /** Whether a step of this title is under way. */
  isActive(title: string): boolean {
    return this.active.some((active) => this.#named(active.step, active.title) === title);
  }

  /** Whether a progress says something else than the one before. */
  isNews({ step, text, fraction }: Extract<RunEvent, { type: 'step.progress' }>): boolean {
    const active = this.#active.get(step);
    return active?.text !== text || active.fraction !== fraction;
  }

  /** The hosts of the plan in its order, while steps may follow on them, then whatever else is under way that is not about a host. */
  get hosts(): readonly HostState[] {
    const states = new Map<string, { active: Active[]; left: number }>();
    for (const step of this.#steps.values()) {
      if (step.host === undefined || this.#undoing) continue;
      const state = states.get(step.host) ?? { active: [], left: 0 };
      if (!this.#over.has(step.id)) state.left += 1;
      states.set(step.host, state);
    }
    for (const active of this.#active.values()) {
      const state = states.get(active.label) ?? { active: [], left: 1 };
      state.active.push(active);
      states.set(active.label, state);
    }
    return [...states].map(([host, state]) => ({ host, ...state }));
  }

  /** The host of a step, or what else it is about. */
  label(id: string): string {
    const step = this.#steps.get(id);
    return step?.host ?? step?.service ?? 'all';
  }

  /** The card, with what this run knows where the card does not say it. */
  complete(card: Card): Card {
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
    this.#began = now;
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
    this.#over.add(id);
    return {
      kind,
      label: this.label(id),
      host: this.#steps.get(id)?.host,
      title: this.#named(id, this.#title(id)),
      ...given({ ms, reason }),
    };
  }

  #skip({ step, because, news }: Extract<RunEvent, { type: 'step.skipped' }>): Finished | undefined {
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

  #named(id: string, title: string): string {
    const service = this.#steps.get(id)?.service;
    const several = (this.#plan?.services.length ?? 0) > 1;
    return !several || service === undefined || title.includes(service) ? title : `${service}: ${title}`;
  }
}
