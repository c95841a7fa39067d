import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from '@jest/globals';
import fc from 'fast-check';
import { exitCode, Failure } from '../../src/domain/failure.js';
import { type Mutation, mutated, mutationOf, type Syntax } from './mutants.js';

/** Fixed, so that failures repeat; set `ONECLICK_SEED` for another one. */
const seed = Number(process.env.ONECLICK_SEED ?? 20_261_124);
/** Runs a tenth of the mutations by default. */
const share = process.env.ONECLICK_EXHAUSTIVE === undefined ? 0.1 : 1;
/** CPU time per text, ms. */
const timeLimit = 2000;
const mebibyte = 1024 ** 2;
/** Bytes kept after all texts, and needed for one of them. */
const memory = { kept: 16 * mebibyte, needed: 256 * mebibyte };

// Jest raises this limit, which makes errors slow.
Error.stackTraceLimit = 10;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Valid texts, and how to read them. */
export interface MutationTest {
  readonly texts: Readonly<Record<string, string>>;
  readonly syntax: Syntax;
  /** The number of mutations in an exhaustive run. */
  readonly count: number;
  /** Reads a text; resolves when it is accepted. */
  readonly read: (text: string, of: string) => Promise<void>;
  /** Must match a location in each failure. */
  readonly place: RegExp;
}

/**
 * Reads mutated texts. Each must be accepted, or fail with exit code 2 and a location, within limits of time and memory.
 * Resolves to the share of failed texts.
 */
export async function testMutations({ texts, syntax, count, read, place }: MutationTest): Promise<number> {
  const runs = count * share;
  let refused = 0;
  let needed = 0;
  for (const [of, text] of Object.entries(texts)) await failureOf(() => read(text, of));
  const heapBefore = heapAfterGarbage();
  const check = async (mutation: Mutation): Promise<void> => {
    const text = mutated(texts[mutation.of] ?? '', mutation, syntax);
    const [started, before] = [process.cpuUsage(), process.memoryUsage().heapUsed];
    const refusal = await failureOf(() => read(text, mutation.of));
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1000).toBeLessThan(timeLimit);
    needed = Math.max(needed, process.memoryUsage().heapUsed - before);
    if (refusal === undefined) return;
    refused += 1;
    expect(exitCode([refusal.kind])).toBe(2);
    expect([refusal.message, ...refusal.evidence].join('\n')).toMatch(place);
  };
  const property = fc.asyncProperty(mutationOf(Object.keys(texts)), check);
  await fc.assert(property, {
    seed,
    numRuns: runs,
    includeErrorInReport: true,
  });
  expect(needed).toBeLessThan(memory.needed);
  expect(heapAfterGarbage() - heapBefore).toBeLessThan(memory.kept);
  return refused / runs;
}

/** The Failure of the work, if any; rethrows other errors. */
async function failureOf(work: () => Promise<void>): Promise<Failure | undefined> {
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
