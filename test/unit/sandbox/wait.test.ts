import { describe, expect, test } from '@jest/globals';
import type { Context } from '../../../src/sandbox/context.js';
import { waitFor, withTimeout } from '../../../src/sandbox/wait.js';
import { MovableClock } from '../../fakes/clock.js';

function setup() {
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
  test('ends as soon as the probe reports no problem', async () => {
    const { clock, context } = setup();
    const answers = ['no sshd', 'no engine', undefined];
    const waiting = waitFor(context, 'sandbox-1', 10_000, async () => answers.shift());
    await clock.advance(400);
    await waiting;
    expect(answers).toEqual([]);
  });

  test('fails at the timeout with the target and the last problem', async () => {
    const { clock, context } = setup();
    const waiting = waitFor(context, 'sandbox-1', 1_000, async () => 'no engine');
    const outcome = expect(waiting).rejects.toThrow('timed out after 1 s waiting for sandbox-1: no engine');
    await clock.advance(2_000);
    await outcome;
  });

  test('ends if interrupted', async () => {
    const { clock, context, interruption } = setup();
    const waiting = waitFor(context, 'sandbox-1', 10_000, async () => 'no engine');
    const outcome = expect(waiting).rejects.toThrow('enough');
    await clock.advance(100);
    interruption.abort(new Error('enough'));
    await outcome;
  });
});

describe('work with a timeout', () => {
  test('is aborted only if it takes longer', async () => {
    const { clock, context } = setup();
    const endless = (signal: AbortSignal) =>
      new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const outcome = expect(withTimeout(context, 20_000, endless)).rejects.toThrow('no response within 20 s');
    await clock.advance(20_000);
    await outcome;

    let received: AbortSignal | undefined;
    const quick = async (signal: AbortSignal) => {
      received = signal;
      return 'done';
    };
    expect(await withTimeout(context, 20_000, quick)).toBe('done');
    await clock.advance(60_000);
    expect(received?.aborted).toBe(false);
  });
});
