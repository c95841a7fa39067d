import { describe, expect, test } from '@jest/globals';
import type { Context } from '../../../src/sandbox/context.js';
import { waitFor, within } from '../../../src/sandbox/wait.js';
import { MovableClock } from '../../fakes/clock.js';

function setting() {
  const clock = new MovableClock();
  const interruption = new AbortController();
  const context: Context = {
    clock,
    signal: interruption.signal,
    progress: () => {},
    env: {},
    get docker(): never {
      throw new Error('waiting needs no Docker');
    },
  };
  return { clock, context, interruption };
}

describe('waiting', () => {
  test('ends as soon as nothing is missing', async () => {
    const { clock, context } = setting();
    const answers = ['no sshd', 'no engine', undefined];
    const waiting = waitFor(context, 'sandbox-1', 10_000, async () => answers.shift());
    await clock.advance(400);
    await waiting;
    expect(answers).toEqual([]);
  });

  test('gives up at its deadline, saying for what and what was last missing', async () => {
    const { clock, context } = setting();
    const waiting = waitFor(context, 'sandbox-1', 1_000, async () => 'no engine');
    const outcome = expect(waiting).rejects.toThrow('waited 1 s for sandbox-1: no engine');
    await clock.advance(2_000);
    await outcome;
  });

  test('ends when it is interrupted', async () => {
    const { clock, context, interruption } = setting();
    const waiting = waitFor(context, 'sandbox-1', 10_000, async () => 'no engine');
    const outcome = expect(waiting).rejects.toThrow('enough');
    await clock.advance(100);
    interruption.abort(new Error('enough'));
    await outcome;
  });
});

describe('work with a limit', () => {
  test('is aborted when it takes longer, and only then', async () => {
    const { clock, context } = setting();
    const endless = (signal: AbortSignal) =>
      new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const outcome = expect(within(context, 20_000, endless)).rejects.toThrow('no answer within 20 s');
    await clock.advance(20_000);
    await outcome;

    let handed: AbortSignal | undefined;
    const quick = async (signal: AbortSignal) => {
      handed = signal;
      return 'done';
    };
    expect(await within(context, 20_000, quick)).toBe('done');
    await clock.advance(60_000);
    expect(handed?.aborted).toBe(false);
  });
});
