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
  it('allows a burst at once, then one call at a time in order', async () => {
    const { clock, done, take } = setting();
    const all = ['a', 'b', 'c', 'd'].map((name) => take(name));
    await clock.advance(1_000);
    await Promise.all(all);
    expect(done).toEqual(['a at 0', 'b at 0', 'c at 200', 'd at 400']);
  });

  it('saves up at most one burst while idle', async () => {
    const { clock, done, take } = setting();
    await clock.advance(60_000);
    const all = ['a', 'b', 'c'].map((name) => take(name));
    await clock.advance(1_000);
    await Promise.all(all);
    expect(done).toEqual(['a at 60000', 'b at 60000', 'c at 60200']);
  });

  it('passes the token of a cancelled call to the next', async () => {
    const { clock, done, take } = setting();
    const stop = new AbortController();
    const all = [take('a'), take('b'), take('c', stop.signal), take('d')];
    await clock.advance(100);
    stop.abort(new Error('enough'));
    await clock.advance(1_000);
    await Promise.all(all);
    expect(done).toEqual(['a at 0', 'b at 0', 'c: enough', 'd at 200']);
  });

  it('rejects a cancelled call at once although others wait', async () => {
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

  it('rejects a call that was cancelled before', async () => {
    const { clock, done, take } = setting();
    await take('a', AbortSignal.abort(new Error('enough')));
    await Promise.all([take('b'), take('c')]);
    expect(done).toEqual(['a: enough', 'b at 0', 'c at 0']);
    expect(clock.sleeping).toBe(0);
  });
});
