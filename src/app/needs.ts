import type { Service } from '../domain/service.js';
import type { Need } from '../domain/task.js';
import type { Plan, Step } from '../run/plan.js';
import type { Registry } from '../run/ports.js';
import { stepsOf } from '../run/walk.js';

/** Returns what a run must connect to: the needs of its tasks, and the hosts if it holds their lease. */
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
  if (typeof needs !== 'function') return needs;
  const known = services.get(service);
  // A step without a service acts for all of them.
  return known === undefined ? [...services.values()].flatMap(needs) : needs(known);
}

/**
 * Returns the secrets that a run looks up before it reads the hosts: all, with their commands, to tell whether a deploy changes one
 * and to redact the output of the recipe's own commands; else only stored ones.
 */
export function secretsOf(plan: Plan, needs: ReadonlySet<Need>): 'all' | 'stored' {
  const runsCommands = allSteps(plan).some(({ task }) => task.startsWith('shell.'));
  return runsCommands || needs.has('registry') ? 'all' : 'stored';
}

/** Returns the needs of a resumed run: a registry only for steps without a receipt. */
export function needsToResume<Facts, Ports>(
  plan: Plan,
  receipts: ReadonlyMap<string, unknown>,
  registry: Registry<Facts, Ports>,
): ReadonlySet<Need> {
  const needs = new Set(needsOf(plan, registry));
  const open = allSteps(plan).filter(({ id }) => !receipts.has(id));
  if (!open.some(({ task }) => needsRegistry(registry.get(task)?.needs))) needs.delete('registry');
  return needs;
}

const allSteps = (plan: Plan) => [...stepsOf(plan.steps), ...stepsOf(plan.after)];

const needsRegistry = (needs: unknown) => Array.isArray(needs) && needs.includes('registry');

/** Whether any step depends on the current release, so that a commit by another run changes the plan. */
export function dependsOnCurrent<Facts, Ports>(plan: Plan, registry: Registry<Facts, Ports>): boolean {
  return allSteps(plan).some(({ task }) => registry.get(task)?.dependsOnCurrent === true);
}
