import { expect, it } from '@jest/globals';
import { unlessAborted, whenAborted, withTimeout } from '../../../src/domain/abort.js';
import { MovableClock } from '../../fakes/clock.js';

const late = () => new Error('late');
const forever = () => new Promise<never>(() => undefined);

it('calls a listener at once if the signal has aborted, and never after it stopped listening', () => {
  const calls: string[] = [];
  const stop = new AbortController();
  whenAborted(stop.signal, () => calls.push('listening'));
  whenAborted(stop.signal, () => calls.push('stopped'))();
  stop.abort();
  whenAborted(stop.signal, () => calls.push('late'));
  expect(calls).toEqual(['listening', 'late']);
});

it('does not wait for work that ignores the abort', async () => {
  const stop = new AbortController();
  const result = unlessAborted(stop.signal, forever());
  stop.abort('SIGTERM');
  await expect(result).rejects.toBe('SIGTERM');
  await expect(unlessAborted(undefined, Promise.resolve(1))).resolves.toBe(1);
});

it('rejects when work takes too long or is aborted', async () => {
  const clock = new MovableClock();
  const seen: unknown[] = [];
  const work = (signal: AbortSignal) => {
    whenAborted(signal, () => seen.push(signal.reason));
    return forever();
  };
  const slow = withTimeout(clock, 1000, [], late, work);
  const stop = new AbortController();
  const stopped = withTimeout(clock, Number.POSITIVE_INFINITY, [undefined, stop.signal], late, work);
  stop.abort('SIGINT');
  await expect(stopped).rejects.toBe('SIGINT');
  const ended = expect(slow).rejects.toThrow('late');
  await clock.advance(1000);
  await ended;
  expect(seen).toEqual(['SIGINT', new Error('late')]);
});

it('does not start work if the signal has already aborted', async () => {
  const started: true[] = [];
  const work = async () => void started.push(true);
  await expect(withTimeout(new MovableClock(), 1000, [AbortSignal.abort('no')], late, work)).rejects.toBe(
    'no',
  );
  expect(started).toEqual([]);
});
