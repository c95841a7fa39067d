import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from '@jest/globals';
import fc from 'fast-check';
import { exitCode, Failure } from '../../src/domain/failure.js';
import { type Mutation, mutated, mutationOf, type Syntax } from './mutants.js';

/** Fixed, so that what is red stays red; another one is tried with `ONECLICK_SEED=…`. */
const seed = Number(process.env.ONECLICK_SEED ?? 20_261_124);
/** All, or a tenth of them, the same each time. */
const share = process.env.ONECLICK_EXHAUSTIVE === undefined ? 0.1 : 1;
/** For one text, of this process alone: others share the cores. ms */
const patience = 2000;
const mebibyte = 1024 ** 2;
/** What is left of all texts together, and what one of them may need while it is read. bytes */
const memory = { kept: 16 * mebibyte, needed: 256 * mebibyte };

// As without Jest, which has a hundred lines of every error's stack read.
Error.stackTraceLimit = 10;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Texts that are good, and how they are read. */
export interface Ordeal {
  readonly texts: Readonly<Record<string, string>>;
  readonly syntax: Syntax;
  /** How many mutated texts, when all are tried. */
  readonly count: number;
  /** Reads one; resolves when it is taken. */
  readonly read: (text: string, of: string) => Promise<void>;
  /** What a refusal must say somewhere: the place. */
  readonly place: RegExp;
}

/**
 * Has mutated texts read, each of which must be taken, or refused with a failure that ends in exit code 2 and says the place;
 * soon, and without keeping memory. What falls is shown made as small as it gets, with the seed that makes it again. Answers
 * which share of them was refused.
 */
export async function ordeal({ texts, syntax, count, read, place }: Ordeal): Promise<number> {
  const runs = count * share;
  let refused = 0;
  let needed = 0;
  for (const [of, text] of Object.entries(texts)) await refusalOf(() => read(text, of));
  const atFirst = heapAfterGarbage();
  const survives = async (mutation: Mutation): Promise<void> => {
    const text = mutated(texts[mutation.of] ?? '', mutation, syntax);
    const [started, before] = [process.cpuUsage(), process.memoryUsage().heapUsed];
    const refusal = await refusalOf(() => read(text, mutation.of));
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1000).toBeLessThan(patience);
    needed = Math.max(needed, process.memoryUsage().heapUsed - before);
    if (refusal === undefined) return;
    refused += 1;
    expect(exitCode([refusal.kind])).toBe(2);
    expect([refusal.message, ...refusal.evidence].join('\n')).toMatch(place);
  };
  const property = fc.asyncProperty(mutationOf(Object.keys(texts)), survives);
  await fc.assert(property, {
    seed,
    numRuns: runs,
    includeErrorInReport: true,
  });
  expect(needed).toBeLessThan(memory.needed);
  expect(heapAfterGarbage() - atFirst).toBeLessThan(memory.kept);
  return refused / runs;
}

/** The failure that the work ends in, if it does; anything else that is thrown is passed on. */
async function refusalOf(work: () => Promise<void>): Promise<Failure | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function heapAfterGarbage(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
