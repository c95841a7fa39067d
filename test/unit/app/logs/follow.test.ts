import { beforeEach, describe, expect, it } from '@jest/globals';
import { followInstance } from '../../../../src/app/logs/follow.js';
import { Failure } from '../../../../src/domain/failure.js';
import { lostFailure } from '../../../../src/host/failures.js';
import type { LogLine, LogOptions } from '../../../../src/host/host.js';
import { MovableClock } from '../../../fakes/clock.js';
import { FakeHost } from '../../../fakes/host.js';

const down = new Failure('unreachable', 'engine.down', 'the engine broke off', { transient: true });

let clock: MovableClock;
let host: FakeHost;
let stop: AbortController;
let read: string[];
let messages: string[];

beforeEach(() => {
  clock = new MovableClock();
  host = new FakeHost('web-1', { clock });
  host.engine.addForeign({ name: 'web-1' });
  stop = new AbortController();
  read = [];
  messages = [];
});

/** Follows the newest running container; returns a function that ends it. */
function follow(options: Partial<LogOptions> = {}): () => Promise<void> {
  const find = async () => {
    if (host.lost.aborted) throw lostFailure('web-1');
    const running = host.engine.all().findLast(({ state }) => state === 'running');
    return running === undefined ? undefined : { host, container: running };
  };
  const write = async (lines: readonly LogLine[]) => void read.push(...lines.map(({ text }) => text));
  const ports = { clock, find, write, notify: (text: string) => void messages.push(text) };
  const following = followInstance(undefined, { follow: true, ...options }, ports, stop.signal);
  const ended = following.catch((error: unknown) => error);
  return async () => {
    stop.abort('enough');
    expect(await ended).toBe('enough');
  };
}

describe('followed logs', () => {
  it('lose and repeat no lines when the engine breaks off, even with equal times', async () => {
    const end = follow();
    await clock.advance(1000);
    const wanted: string[] = [];
    for (let number = 0; number < 60; number += 1) {
      const text = `line ${String(number % 7)}`;
      wanted.push(text);
      const time = clock.now().toISOString().replace('Z', '000000Z');
      host.engine.writeLog('web-1', text, { time });
      if (number % 5 === 3) await clock.advance(10);
      if (number % 10 === 8) host.engine.breakLogs(down);
      if (number % 20 === 19) await clock.advance(5000);
    }
    await clock.advance(10_000);
    expect(read).toEqual(wanted);
    expect(messages).toContain('the engine broke off; reconnecting');
    expect(messages.at(-1)).toBe('connected again');
    await end();
  });

  it('continue after lines whose two streams are out of order', async () => {
    const end = follow();
    await clock.advance(1000);
    host.engine.writeLog('web-1', 'late', { time: '2026-01-01T00:00:01.000000009Z' });
    await clock.advance(10);
    host.engine.breakLogs(down);
    host.engine.writeLog('web-1', 'early', { time: '2026-01-01T00:00:01.000000009Z', stream: 'stderr' });
    await clock.advance(5000);
    expect(read).toEqual(['late', 'early']);
    await end();
  });

  it('start with the requested number of lines, only once', async () => {
    for (const text of ['a', 'b', 'c']) host.engine.writeLog('web-1', text);
    const end = follow({ lines: 2 });
    await clock.advance(1000);
    host.engine.breakLogs(down);
    host.engine.writeLog('web-1', 'd');
    await clock.advance(5000);
    expect(read).toEqual(['b', 'c', 'd']);
    await end();
  });

  it('continue with the next release, from its first line', async () => {
    const end = follow();
    host.engine.writeLog('web-1', 'one');
    await clock.advance(1000);
    await host.engine.stop('web-1', 0);
    await clock.advance(3000);
    host.engine.addForeign({ name: 'web-2' });
    host.engine.writeLog('web-2', 'two');
    await clock.advance(5000);
    expect(read).toEqual(['one', 'two']);
    expect(messages).toEqual(['the container exited; waiting for the next one', 'following web-2']);
    await end();
  });

  it('skip old lines of a restarted container', async () => {
    host.engine.writeLog('web-1', 'old line');
    await host.engine.stop('web-1', 0);
    await clock.advance(60_000);
    host.engine.addForeign({ name: 'web-2' });
    const end = follow();
    await clock.advance(5000);
    host.engine.writeLog('web-2', 'two');
    await clock.advance(100);
    await host.engine.stop('web-2', 0);
    await clock.advance(100);
    await host.engine.remove('web-2');
    await host.engine.start('web-1');
    host.engine.writeLog('web-1', 'back');
    await clock.advance(10_000);
    expect(read).toEqual(['two', 'back']);
    await end();
  });

  it('report the same failure once until the engine responds again, and retry ever more slowly', async () => {
    host.engine.faults.fail('readLogs', down, 1000);
    const end = follow();
    await clock.advance(60_000);
    expect(messages).toEqual(['the engine broke off; reconnecting']);
    expect(host.engine.faults.calls.filter(({ call }) => call === 'readLogs').length).toBeLessThan(25);
    await end();
  });

  it('end with a permanent failure', async () => {
    host.engine.faults.fail('readLogs', new Failure('failed', 'engine.refused', 'no logs are kept'));
    const find = async () => undefined;
    const ports = { clock, find, write: async () => undefined, notify: () => undefined };
    const [container] = host.engine.all();
    if (container === undefined) throw new Error('nothing was placed');
    const following = followInstance({ host, container }, { follow: true }, ports, stop.signal);
    await expect(following).rejects.toMatchObject({ message: 'no logs are kept' });
  });
});
