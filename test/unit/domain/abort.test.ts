import { expect, it } from '@jest/globals';
import { unlessAborted, whenAborted, withTimeout } from '../../../src/domain/abort.js';
import { MovableClock } from '../../fakes/clock.js';

const late = () => new Error('late');
const forever = () => new Promise<never>(() => undefined);

it('tells at once of a signal that is aborted already, and nothing to who stopped listening', () => {
  const calls: string[] = [];
  const stop = new AbortController();
  whenAborted(stop.signal, () => calls.push('heard'));
  whenAborted(stop.signal, () => calls.push('forgotten'))();
  stop.abort();
  whenAborted(stop.signal, () => calls.push('late'));
  expect(calls).toEqual(['heard', 'late']);
});

it('leaves work behind that does not end when it is aborted', async () => {
  const stop = new AbortController();
  const result = unlessAborted(stop.signal, forever());
  stop.abort('SIGTERM');
  await expect(result).rejects.toBe('SIGTERM');
  await expect(unlessAborted(undefined, Promise.resolve(1))).resolves.toBe(1);
});

it('ends work that takes too long, and work that is aborted', async () => {
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

it('does not begin work under a signal that is aborted already', async () => {
  const begun: true[] = [];
  const work = async () => void begun.push(true);
  await expect(withTimeout(new MovableClock(), 1000, [AbortSignal.abort('no')], late, work)).rejects.toBe(
    'no',
  );
  expect(begun).toEqual([]);
});
