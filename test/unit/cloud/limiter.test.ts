import { describe, expect, it } from '@jest/globals';
import { Limiter } from '../../../src/cloud/limiter.js';
import { MovableClock } from '../../fakes/clock.js';

function setting() {
  const clock = new MovableClock();
  const limiter = new Limiter(clock, { burst: 2, perSecond: 5 });
  const done: string[] = [];
  const take = (name: string, signal?: AbortSignal) =>
    limiter.take(signal).then(
      () => done.push(`${name} at ${clock.monotonic()}`),
      (error: Error) => done.push(`${name}: ${error.message}`),
    );
  return { clock, done, take };
}

describe('a limiter', () => {
  it('lets a burst through at once, and then one after the other in the order in which they came', async () => {
    const { clock, done, take } = setting();
    const all = ['a', 'b', 'c', 'd'].map((name) => take(name));
    await clock.advance(1_000);
    await Promise.all(all);
    expect(done).toEqual(['a at 0', 'b at 0', 'c at 200', 'd at 400']);
  });

  it('saves up no more than a burst while nobody calls', async () => {
    const { clock, done, take } = setting();
    await clock.advance(60_000);
    const all = ['a', 'b', 'c'].map((name) => take(name));
    await clock.advance(1_000);
    await Promise.all(all);
    expect(done).toEqual(['a at 60000', 'b at 60000', 'c at 60200']);
  });

  it('gives the token of one that gives up to the next', async () => {
    const { clock, done, take } = setting();
    const stop = new AbortController();
    const all = [take('a'), take('b'), take('c', stop.signal), take('d')];
    await clock.advance(100);
    stop.abort(new Error('enough'));
    await clock.advance(1_000);
    await Promise.all(all);
    expect(done).toEqual(['a at 0', 'b at 0', 'c: enough', 'd at 200']);
  });

  it('lets one go at once that gives up behind others', async () => {
    const { clock, done, take } = setting();
    const stop = new AbortController();
    const all = [take('a'), take('b'), take('c'), take('d', stop.signal), take('e')];
    await clock.advance(100);
    stop.abort(new Error('enough'));
    await clock.advance(0);
    expect(done).toEqual(['a at 0', 'b at 0', 'd: enough']);
    await clock.advance(1_000);
    await Promise.all(all);
    expect(done.slice(3)).toEqual(['c at 200', 'e at 400']);
  });

  it('keeps nobody waiting who has given up before', async () => {
    const { clock, done, take } = setting();
    await take('a', AbortSignal.abort(new Error('enough')));
    await Promise.all([take('b'), take('c')]);
    expect(done).toEqual(['a: enough', 'b at 0', 'c at 0']);
    expect(clock.sleeping).toBe(0);
  });
});
