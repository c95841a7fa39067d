import { describeStep, serviceOfStep } from '../../domain/describe-step.js';
import type { Holder } from './lease-holder.js';

/** Who holds a lease, since when, and at which step, in one sentence without a full stop. */
export function describeHolder(holder: Holder, now: Date): string {
  const { who, run, recipe, environment, since, step } = holder;
  const service = serviceOfStep(step);
  const verbs: Readonly<Record<string, string>> = { deploy: 'deploying', rollback: 'rolling back' };
  const verb = verbs[recipe];
  const activity = verb === undefined ? `running ${recipe}` : `${verb} ${service ?? environment}`;
  const current = step === '' ? '' : `, now ${describeStep(step)}`;
  return `${who} has been ${activity} for ${elapsed(since, now)} (run ${run})${current}`;
}

/** Never negative, because the holder's clock may be ahead. */
function elapsed(since: string, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(since)) / 1000)) || 0;
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
