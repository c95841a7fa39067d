import { describe, expect, it } from '@jest/globals';
import { batched } from '../../../src/cloud/batched.js';
import { refusedTargets } from '../../../src/cloud/failures.js';
import { type PollAnswer, poller } from '../../../src/cloud/poll.js';
import { Failure } from '../../../src/domain/failure.js';
import type { Target } from '../../../src/domain/target-group.js';
import { MovableClock } from '../../fakes/clock.js';
import { FakeCloud } from '../../fakes/cloud.js';

function setting(instances = 8) {
  const clock = new MovableClock();
  const behind = new FakeCloud(clock);
  const targets = Array.from({ length: instances }, (_, n) => ({ id: `i-${n + 100}`, port: 20_000 }));
  for (const { id } of targets) behind.launch(id);
  const group = behind.addGroup('web');
  const cloud = batched(behind, { clock });
  const registered = async () => (await behind.targets(group)).map(({ id }) => id);
  /** The results of concurrent calls. */
  const together = async (calls: readonly Promise<unknown>[]) => {
    const all = Promise.allSettled(calls);
    await clock.advance(25);
    return (await all).map((one) => (one.status === 'fulfilled' ? 'done' : (one.reason as Error).message));
  };
  return { clock, behind, cloud, group, targets, registered, together };
}

describe('concurrent calls for one group', () => {
  it('are one registration, one read, one deregistration', async () => {
    const { behind, cloud, group, targets, registered, together } = setting();
    await together(targets.map((target) => cloud.register(group, [target])));
    expect(await registered()).toEqual(targets.map(({ id }) => id));
    await together(targets.map(() => cloud.targets(group)));
    await together(targets.map((target) => cloud.deregister(group, [target])));
    expect(behind.faults.count('register')).toBe(1);
    expect(behind.faults.count('targets')).toBe(2);
    expect(behind.faults.count('deregister')).toBe(1);
  });

  it('are one read of the instances, of which each caller gets its own', async () => {
    const { clock, behind, cloud, targets } = setting(3);
    const looks = Promise.all(targets.map(({ id }) => cloud.instances([id])));
    await clock.advance(25);
    expect((await looks).map((found) => found.map(({ id }) => id))).toEqual([
      ['i-100'],
      ['i-101'],
      ['i-102'],
    ]);
    expect(behind.faults.count('instances')).toBe(1);
  });

  it('return a result to each caller', async () => {
    const { clock, behind, cloud, group, targets } = setting(2);
    await behind.register(group, targets);
    const looks = Promise.all([cloud.targets(group), cloud.targets(group)]);
    await clock.advance(25);
    const [one, other] = await looks;
    expect(one).toHaveLength(2);
    expect(other).toEqual(one);
  });

  it('send a target once that several calls name', async () => {
    const { behind, cloud, group, targets, together } = setting(2);
    await together([cloud.register(group, targets), cloud.register(group, targets)]);
    expect(behind.faults.calls.at(-1)?.args).toEqual([group, targets]);
  });

  it('are not mixed with calls of another group or later calls', async () => {
    const { behind, cloud, group, targets, together } = setting(3);
    const [one, two, three] = targets.map((target) => [target]);
    const other = behind.addGroup('api');
    await together([cloud.register(group, one ?? []), cloud.register(other, two ?? [])]);
    await together([cloud.register(group, three ?? [])]);
    expect(behind.faults.calls.map(({ args }) => args)).toEqual([
      [group, one],
      [other, two],
      [group, three],
    ]);
  });

  it('fail together if the group does not exist', async () => {
    const { behind, cloud, group, targets, together } = setting(2);
    behind.faults.fail('register', new Failure('access', 'cloud.denied', 'not allowed'));
    behind.faults.fail('deregister', new Failure('unreachable', 'cloud.unreachable', 'gone'));
    expect(await together(targets.map((target) => cloud.register(group, [target])))).toEqual([
      'not allowed',
      'not allowed',
    ]);
    expect(await together(targets.map((target) => cloud.deregister(group, [target])))).toEqual([
      'gone',
      'gone',
    ]);
  });
});

describe('a target that is refused', () => {
  const refused = 'not running, so not registered: i-102';
  const outcome = (bad: number, all: number) =>
    Array.from({ length: all }, (_, n) => (n === bad ? refused : 'done'));

  it('fails only for its caller; the others are registered', async () => {
    const { behind, cloud, group, targets, registered, together } = setting();
    behind.setState('i-102', 'stopped');
    expect(await together(targets.map((target) => cloud.register(group, [target])))).toEqual(outcome(2, 8));
    expect(await registered()).toEqual(targets.map(({ id }) => id).filter((id) => id !== 'i-102'));
    expect(behind.faults.count('register')).toBe(3);
  });

  it('is found if the error does not name it', async () => {
    const { behind, cloud, group, targets, registered, together } = setting(4);
    behind.setState('i-102', 'stopped');
    behind.faults.fail('register', refusedTargets('One or more targets are not valid'));
    expect(await together(targets.map((target) => cloud.register(group, [target])))).toEqual(outcome(2, 4));
    expect(await registered()).toHaveLength(3);
  });

  it('is found if the error named only another one', async () => {
    const { behind, cloud, group, targets, together } = setting(4);
    behind.setState('i-102', 'stopped');
    behind.faults.fail('register', refusedTargets('not valid: i-101'));
    behind.faults.fail('register', refusedTargets('not valid: i-101'));
    const outcomes = await together(targets.map((target) => cloud.register(group, [target])));
    expect(outcomes).toEqual(['done', 'not valid: i-101', refused, 'done']);
  });

  it('fails as it would alone', async () => {
    const { behind, cloud, group, targets, together } = setting(1);
    behind.setState('i-100', 'stopped');
    expect(await together([cloud.register(group, targets)])).toEqual([
      'not running, so not registered: i-100',
    ]);
    expect(behind.faults.count('register')).toBe(1);
  });
});

it('eight waiting instances cost one read every 2 s, as many as one', async () => {
  const { clock, behind, cloud, group, targets } = setting();
  const poll = poller({ clock, random: () => 0.5 });
  const deploy = async (target: Target, delay: number) => {
    await clock.sleep(delay);
    await cloud.register(group, [target]);
    await poll({
      what: `${target.id} to become healthy`,
      probe: () => cloud.targets(group),
      until: (all): PollAnswer<void> => {
        const state = all.find(({ id }) => id === target.id)?.state;
        return state === 'healthy'
          ? { kind: 'done', result: undefined }
          : { kind: 'waiting', because: `${state}` };
      },
      deadline: 60_000,
    });
    await cloud.deregister(group, [target]);
  };
  const all = Promise.all(targets.map((target, n) => deploy(target, n * 3)));
  await clock.advance(13_000);
  await all;
  expect(behind.faults.count('register')).toBe(1);
  expect(behind.faults.count('deregister')).toBe(1);
  expect(behind.faults.count('targets')).toBeLessThanOrEqual(6);
});
