import { given } from '../domain/given.js';
import type { Preview, PreviewVerdict, StepPreview } from './preview.js';

/** A step whose preview changed after it was confirmed. */
export interface StepDifference {
  readonly step: string;
  readonly title: string;
  /** Missing if the step is new in the plan. */
  readonly confirmed?: PreviewVerdict;
  /** Missing if the step is no longer in the plan. */
  readonly now?: PreviewVerdict;
}

/** The changed steps, in the order of the later preview. */
export type Difference = readonly StepDifference[];

/** Compares the changes of two previews. Ignores the reasons of steps with nothing to do. */
export function difference(confirmed: Preview, now: Preview): Difference {
  const before = new Map(confirmed.steps.map((preview) => [preview.step.id, preview]));
  const after = new Set(now.steps.map((preview) => preview.step.id));
  const differing = now.steps.flatMap((preview) => compared(before.get(preview.step.id), preview));
  const gone = confirmed.steps.filter((preview) => !after.has(preview.step.id));
  return [...differing, ...gone.flatMap((preview) => compared(preview, undefined))];
}

/** Whether two previews make the same changes. */
export function same(confirmed: Preview, now: Preview): boolean {
  return difference(confirmed, now).length === 0;
}

function compared(confirmed: StepPreview | undefined, now: StepPreview | undefined): Difference {
  const shown = now ?? confirmed;
  if (shown === undefined || comparable(confirmed?.verdict) === comparable(now?.verdict)) return [];
  return [
    {
      step: shown.step.id,
      title: shown.title,
      ...given({ confirmed: confirmed?.verdict, now: now?.verdict }),
    },
  ];
}

function comparable(verdict: PreviewVerdict | undefined): string {
  if (verdict === undefined) return 'absent';
  if (verdict.kind === 'todo') return `todo ${JSON.stringify(verdict.changes)}`;
  if (verdict.kind === 'unknown') return `unknown ${verdict.waitsFor}`;
  if (verdict.kind === 'done') return 'done';
  return `blocked ${JSON.stringify(verdict.problems.map(({ code, host, message }) => [code, host, message]))}`;
}
