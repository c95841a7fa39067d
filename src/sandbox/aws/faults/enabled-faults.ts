import { z } from 'zod';
import { nearest } from '../../../domain/nearest.js';
import { SandboxFailure } from '../../failure.js';
import type { Region } from '../action.js';
import type { Kind } from '../store.js';
import { type FaultName, faultByName, faultNames } from './catalog.js';

/** How many more calls a fault affects; `always` until it is cleared. */
export const Times = z.union([z.number().int().min(1), z.literal('always')]);

/** An enabled fault. */
export const EnabledFault = z.object({
  name: z.enum(faultNames),
  times: Times,
  /** The only affected action; by default every action that the fault can affect. */
  on: z.string().optional(),
});
export type EnabledFault = z.infer<typeof EnabledFault>;

const enabled: Kind<EnabledFault> = { name: 'fault', schema: EnabledFault };

/** Returns the enabled faults, oldest first. */
export function enabledFaults({ store }: Region): readonly EnabledFault[] {
  return store.all(enabled);
}

/**
 * Enables a fault; replaces the same fault for the same action.
 * @param actions names of all API actions
 * @throws SandboxFailure `fault.unknown` if the fault is unknown or cannot affect the action
 */
export async function enableFault(
  region: Region,
  { name, times, on }: { name: string; times: z.infer<typeof Times>; on?: string | undefined },
  actions: readonly string[],
): Promise<void> {
  const fault = parseFaultName(name);
  const { affects } = faultByName(fault);
  const allowed = typeof affects === 'string' ? actions : affects;
  if (on !== undefined && !allowed.includes(on))
    throw unknownFault(`fault ${name} cannot affect action "${on}"`, on, allowed);
  await region.store.put(enabled, idOf({ name: fault, on }), { name: fault, times, on });
}

/** Disables one fault, or all. @throws SandboxFailure `fault.unknown` if the fault is unknown */
export async function disableFaults(region: Region, name?: string): Promise<void> {
  const only = name === undefined ? undefined : parseFaultName(name);
  const matching = enabledFaults(region).filter((fault) => only === undefined || fault.name === only);
  await Promise.all(matching.map((fault) => region.store.remove(enabled, idOf(fault))));
}

/** Returns the faults that affect a call of this action, and counts them down. */
export async function takeFaults(region: Region, action: string): Promise<readonly FaultName[]> {
  const affecting = enabledFaults(region).filter((fault) => affectsAction(fault, action));
  // An error response hides all other faults.
  const failing = affecting.find(({ name }) => faultByName(name).error !== undefined);
  const taken = failing === undefined ? affecting : [failing];
  await Promise.all(taken.map((fault) => countDown(region, fault)));
  return [...new Set(taken.map(({ name }) => name))];
}

function affectsAction({ name, on }: EnabledFault, action: string): boolean {
  if (on !== undefined) return on === action;
  const { affects } = faultByName(name);
  if (affects === 'any') return true;
  return affects === 'changes' ? !/^(Describe|Get)/.test(action) : affects.includes(action);
}

function countDown({ store }: Region, fault: EnabledFault): Promise<void> {
  if (fault.times === 'always') return Promise.resolve();
  if (fault.times === 1) return store.remove(enabled, idOf(fault));
  return store.put(enabled, idOf(fault), { ...fault, times: fault.times - 1 });
}

function idOf({ name, on = '' }: Pick<EnabledFault, 'name' | 'on'>): string {
  return `${name}/${on}`;
}

function parseFaultName(name: string): FaultName {
  const found = faultNames.find((one) => one === name);
  if (found === undefined) throw unknownFault(`unknown fault "${name}"`, name, faultNames);
  return found;
}

function unknownFault(message: string, word: string, available: readonly string[]): SandboxFailure {
  const near = nearest(word, available);
  const all =
    available.length > 12
      ? 'use the name of an action, such as RunInstances'
      : `available: ${available.join(', ')}`;
  const hint = near === undefined ? all : `did you mean ${near}?`;
  return new SandboxFailure('fault.unknown', message, { hint, exitCode: 2 });
}
