import { describe, expect, it } from '@jest/globals';
import { type PollAnswer, type PollWait, poller, type Waiting } from '../../../src/cloud/poll.js';
import { Failure } from '../../../src/domain/failure.js';
import { MovableClock } from '../../fakes/clock.js';

const waiting = (because: string): PollAnswer<string> => ({ kind: 'waiting', because });
const done: PollAnswer<string> = { kind: 'done', result: 'healthy' };

/** A wait that gets one answer after the other, then the last one again, and the times of its polls. */
function setting(random: () => number = () => 0.5) {
  const clock = new MovableClock();
  const poll = poller({ clock, random });
  const wait = (
    sights: readonly (PollAnswer<string> | Error)[],
    special: Partial<PollWait<PollAnswer<string>, string>> = {},
  ) => {
    const looks: number[] = [];
    const told: Waiting[] = [];
    const ended = poll({
      what: 'web to become healthy',
      probe: async () => {
        const sight = sights[Math.min(looks.length, sights.length - 1)] ?? done;
        looks.push(clock.monotonic());
        if (sight instanceof Error) throw sight;
        return sight;
      },
      until: (seen) => seen,
      deadline: 60_000,
      onWaiting: (one) => told.push(one),
      ...special,
    });
    const outcome = ended.then(
      (result) => result,
      (error: unknown) => error,
    );
    return { looks, told, outcome };
  };
  return { clock, wait };
}

describe('a poller', () => {
  it('polls at once, every 2 s for 30 s, then every 5 s', async () => {
    const { clock, wait } = setting();
    const { looks, outcome } = wait([waiting('initial')], { deadline: 47_000 });
    await clock.advance(60_000);
    await outcome;
    const eager = Array.from({ length: 16 }, (_, n) => n * 2_000);
    expect(looks).toEqual([...eager, 35_000, 40_000, 45_000, 47_000]);
  });

  it.each([
    [0, 1_600],
    [1, 2_400],
  ])('adds 20 % jitter: %d', async (random, second) => {
    const { clock, wait } = setting(() => random);
    const { looks } = wait([waiting('initial'), done]);
    await clock.advance(5_000);
    expect(looks).toEqual([0, second]);
  });

  it('polls for all waits at the same time', async () => {
    const numbers = [0.1, 0.9, 0.3, 0.7, 0.5];
    const { clock, wait } = setting(() => numbers.shift() ?? 0.5);
    const first = wait([waiting('initial')]);
    await clock.advance(700);
    const second = wait([waiting('initial')]);
    await clock.advance(12_000);
    expect(second.looks.slice(1)).toEqual(first.looks.slice(1));
  });

  it('polls earlier if the answer says so', async () => {
    const { clock, wait } = setting();
    const { looks } = wait([
      { kind: 'waiting', because: 'healthy, once', recheckIn: 500 },
      waiting('initial'),
      done,
    ]);
    await clock.advance(10_000);
    expect(looks).toEqual([0, 500, 2_000]);
  });

  it('resolves with the result of the last poll', async () => {
    const { clock, wait } = setting();
    const { looks, outcome } = wait([waiting('initial'), done]);
    await clock.advance(2_000);
    expect(await outcome).toBe('healthy');
    expect(looks).toHaveLength(2);
  });

  it('reports condition, reason and deadline after each poll', async () => {
    const { clock, wait } = setting();
    const { told } = wait([waiting('2 of 3 initial'), waiting('1 of 3 initial'), done]);
    await clock.advance(10_000);
    const until = new Date(Date.UTC(2026, 0, 1) + 60_000);
    expect(told).toEqual([
      { what: 'web to become healthy', because: '2 of 3 initial', until },
      { what: 'web to become healthy', because: '1 of 3 initial', until },
    ]);
  });

  it('fails at the deadline with the condition and the last reason', async () => {
    const { clock, wait } = setting();
    const { outcome } = wait([waiting('initial'), waiting('unhealthy')], { deadline: 15_000 });
    await clock.advance(20_000);
    expect(await outcome).toMatchObject({
      kind: 'failed',
      code: 'wait.timeout',
      message: 'timed out after 15 s waiting for web to become healthy: unhealthy',
    });
  });

  it('fails at once with a failed answer', async () => {
    const { wait } = setting();
    const failure = new Failure('failed', 'instance.dead', 'i-1 has ended: Server.InternalError');
    expect(await wait([{ kind: 'failed', failure }]).outcome).toBe(failure);
  });

  it.each(['access', 'usage', 'failed'] as const)(
    'fails at once on a look that fails with %s',
    async (kind) => {
      const { wait } = setting();
      const failure = new Failure(kind, 'cloud.denied', 'not allowed');
      expect(await wait([failure]).outcome).toBe(failure);
    },
  );

  it('fails at once on a bug', async () => {
    const { wait } = setting();
    expect(await wait([new TypeError('undefined is not a function')]).outcome).toBeInstanceOf(TypeError);
  });

  it('polls again after a passing failure, and reports it', async () => {
    const { clock, wait } = setting();
    const gone = new Failure('unreachable', 'cloud.unreachable', 'ec2 cannot be reached');
    const throttled = new Failure('failed', 'cloud.throttled', 'AWS takes no more calls', {
      transient: true,
    });
    const { told, outcome } = wait([gone, throttled, done]);
    await clock.advance(10_000);
    expect(await outcome).toBe('healthy');
    expect(told.map(({ because }) => because)).toEqual(['ec2 cannot be reached', 'AWS takes no more calls']);
  });

  it("rejects with its signal's reason, between polls and during one", async () => {
    const { clock, wait } = setting();
    const stop = new AbortController();
    const between = wait([waiting('initial')], { signal: stop.signal });
    const during = wait([], { signal: stop.signal, probe: () => new Promise(() => undefined) });
    await clock.advance(1_000);
    stop.abort(new Error('enough'));
    expect(await between.outcome).toMatchObject({ message: 'enough' });
    expect(await during.outcome).toMatchObject({ message: 'enough' });
    expect(clock.sleeping).toBe(0);
  });
});
