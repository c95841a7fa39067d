import { z } from 'zod';
import { nearest } from '../../../domain/nearest.js';
import { SandboxFailure } from '../../failure.js';
import type { Region } from '../action.js';
import type { Kind } from '../store.js';
import { type FaultName, faultNamed, faultNames } from './catalog.js';

/** How many calls a fault still strikes; `always` until it is cleared. */
export const Times = z.union([z.number().int().min(1), z.literal('always')]);

/** A fault that is switched on. */
export const Switched = z.object({
  name: z.enum(faultNames),
  times: Times,
  /** The only action that it strikes; without it every one that it can. */
  on: z.string().optional(),
});
export type Switched = z.infer<typeof Switched>;

const switches: Kind<Switched> = { name: 'fault', schema: Switched };

/** Those that are switched on, oldest first. */
export function switchedOn({ store }: Region): readonly Switched[] {
  return store.all(switches);
}

/**
 * Switches a fault on. The same one again, for the same action, takes the place of the one before.
 * @param known the actions that there are
 * @throws SandboxFailure `usage` for a fault that there is not, or an action that it cannot strike
 */
export async function switchOn(
  region: Region,
  { name, times, on }: { name: string; times: z.infer<typeof Times>; on?: string | undefined },
  known: readonly string[],
): Promise<void> {
  const fault = named(name);
  const { strikes } = faultNamed(fault);
  const open = typeof strikes === 'string' ? known : strikes;
  if (on !== undefined && !open.includes(on))
    throw unknown(`the fault ${name} cannot strike the action '${on}'`, on, open);
  await region.store.put(switches, idOf({ name: fault, on }), { name: fault, times, on });
}

/** Switches one fault off, or all of them. @throws SandboxFailure `usage` for a fault that there is not */
export async function switchOff(region: Region, name?: string): Promise<void> {
  const only = name === undefined ? undefined : named(name);
  const off = switchedOn(region).filter((one) => only === undefined || one.name === only);
  await Promise.all(off.map((one) => region.store.remove(switches, idOf(one))));
}

/** The faults that strike a call of this action, each of them once less from now on. Counted at once, like a put of the store. */
export async function strike(region: Region, action: string): Promise<readonly FaultName[]> {
  const struck = switchedOn(region).filter((one) => concerns(one, action));
  // Where one answers instead, nothing comes of the others.
  const refusing = struck.find(({ name }) => faultNamed(name).refusal !== undefined);
  const counted = refusing === undefined ? struck : [refusing];
  await Promise.all(counted.map((one) => count(region, one)));
  return [...new Set(counted.map(({ name }) => name))];
}

function concerns({ name, on }: Switched, action: string): boolean {
  if (on !== undefined) return on === action;
  const { strikes } = faultNamed(name);
  if (strikes === 'any') return true;
  return strikes === 'changes' ? !/^(Describe|Get)/.test(action) : strikes.includes(action);
}

function count({ store }: Region, one: Switched): Promise<void> {
  if (one.times === 'always') return Promise.resolve();
  if (one.times === 1) return store.remove(switches, idOf(one));
  return store.put(switches, idOf(one), { ...one, times: one.times - 1 });
}

function idOf({ name, on = '' }: Pick<Switched, 'name' | 'on'>): string {
  return `${name}/${on}`;
}

function named(name: string): FaultName {
  const found = faultNames.find((one) => one === name);
  if (found === undefined) throw unknown(`there is no fault '${name}'`, name, faultNames);
  return found;
}

function unknown(message: string, word: string, among: readonly string[]): SandboxFailure {
  const near = nearest(word, among);
  const all = among.length > 12 ? 'such as RunInstances' : `one of ${among.join(', ')}`;
  const hint = near === undefined ? all : `did you mean ${near}?`;
  return new SandboxFailure('fault.unknown', message, { hint, exitCode: 2 });
}
