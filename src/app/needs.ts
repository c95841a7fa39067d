import type { Service } from '../domain/service.js';
import type { Need } from '../domain/task.js';
import type { Plan, Step } from '../run/plan.js';
import type { Registry } from '../run/ports.js';
import { stepsOf } from '../run/walk.js';

/** What a run needs opened: the union of its tasks' needs, and the hosts where it holds their lease. */
export function needsOf<Facts, Ports>(plan: Plan, registry: Registry<Facts, Ports>): ReadonlySet<Need> {
  const services = new Map(plan.services.map((service) => [service.name, service]));
  const needs = allSteps(plan).flatMap((step) => needsOfStep(step, services, registry));
  return new Set<Need>(plan.holds === undefined ? needs : ['hosts', ...needs]);
}

function needsOfStep<Facts, Ports>(
  { task, service = '' }: Step,
  services: ReadonlyMap<string, Service>,
  registry: Registry<Facts, Ports>,
): readonly Need[] {
  const needs = registry.get(task)?.needs ?? [];
  return typeof needs === 'function' ? needs(services.get(service)) : needs;
}

/** The needs of a resumed run: a registry only for steps that have no receipt yet. */
export function needsToResume<Facts, Ports>(
  plan: Plan,
  receipts: ReadonlyMap<string, unknown>,
  registry: Registry<Facts, Ports>,
): ReadonlySet<Need> {
  const needs = new Set(needsOf(plan, registry));
  const open = allSteps(plan).filter(({ id }) => !receipts.has(id));
  if (!open.some(({ task }) => asksRegistry(registry.get(task)?.needs))) needs.delete('registry');
  return needs;
}

const allSteps = (plan: Plan) => [...stepsOf(plan.steps), ...stepsOf(plan.after)];

const asksRegistry = (needs: unknown) => Array.isArray(needs) && needs.includes('registry');

/** Whether some step depends on which release is current, so that the plan changes when another run commits. */
export function dependsOnCurrent<Facts, Ports>(plan: Plan, registry: Registry<Facts, Ports>): boolean {
  return allSteps(plan).some(({ task }) => registry.get(task)?.dependsOnCurrent === true);
}
