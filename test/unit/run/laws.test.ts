import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { Outcome, RunEvent } from '../../../src/run/events.js';
import type { Plan } from '../../../src/run/plan.js';
import { preview } from '../../../src/run/preview.js';
import { stepsOf as stepsIn } from '../../../src/run/walk.js';
import { type Action, type FakeFacts, FakeWorld, type Fault, fakeRegistry } from '../../fakes/world.js';
import { committingPlans, faultsOf, orderedPairs, reversiblePlans, rollouts, startFacts } from './plans.js';
import { FakeProcess, type Interruption, inOrder, runToEnd } from './process.js';

// Slow on a busy machine.
jest.setTimeout(60_000);

const noFaults: ReadonlyMap<string, Fault> = new Map();
const anyPlans = fc.oneof(reversiblePlans, committingPlans);
const points = fc.nat({ max: 80 });
const crashes: fc.Arbitrary<readonly Interruption[]> = fc.array(
  fc.record({ at: points, what: fc.constant('crash' as const) }),
  { minLength: 1, maxLength: 3 },
);
const cancellations: fc.Arbitrary<Interruption | undefined> = fc.option(
  fc.record({ at: points, what: fc.constantFrom('cancel' as const, 'abandon' as const) }),
  { nil: undefined },
);

/** A plan with the initial state of a world, and faults. */
function cases(plans: fc.Arbitrary<Plan>, whens?: readonly Fault['when'][]) {
  return plans.chain((plan) =>
    fc.record({ plan: fc.constant(plan), start: startFacts, faults: faultsOf(plan, whens) }),
  );
}

function worldOf(start: FakeFacts, faults = noFaults): FakeWorld {
  const world = new FakeWorld(start);
  world.faults = faults;
  return world;
}

/** The outcome and facts of an uninterrupted run. */
async function undisturbed(
  plan: Plan,
  start: FakeFacts,
  faults = noFaults,
): Promise<{ outcome: Outcome; facts: FakeFacts }> {
  const world = worldOf(start, faults);
  const { outcome } = await runToEnd(plan, world, inOrder, []);
  return { outcome, facts: world.facts() };
}

function edges(
  deeds: readonly Action[],
  what: Action['what'],
  edge: Action['edge'],
  step: string,
): readonly number[] {
  return deeds.flatMap((deed, at) =>
    deed.what === what && deed.edge === edge && deed.step === step ? [at] : [],
  );
}

/** The largest number of steps that were undone at the same time. */
function undoWidth(deeds: readonly Action[]): number {
  let now = 0;
  let most = 0;
  for (const { what, edge } of deeds) {
    if (what === 'undo') now += edge === 'begin' ? 1 : -1;
    most = Math.max(most, now);
  }
  return most;
}

function stepsOf(events: readonly RunEvent[], type: RunEvent['type']): readonly string[] {
  return events.flatMap((event) => (event.type === type && 'step' in event ? [String(event.step)] : []));
}

describe('for any plan and any faults', () => {
  it('steps start after their predecessors finish, and are undone after their successors', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(reversiblePlans),
        cancellations,
        fc.scheduler(),
        async ({ plan, start, faults }, interruption, s) => {
          const world = worldOf(start, faults);
          await new FakeProcess(world, [], s, interruption).start(plan);
          for (const [first, second] of orderedPairs(plan.steps)) {
            const [begun] = edges(world.actions, 'apply', 'begin', second);
            const [ended] = edges(world.actions, 'apply', 'end', first);
            if (begun !== undefined && ended !== undefined) expect(ended).toBeLessThan(begun);
            const [back] = edges(world.actions, 'undo', 'begin', first);
            const [gone] = edges(world.actions, 'undo', 'end', second);
            if (back === undefined || begun === undefined) continue;
            expect(gone).toBeLessThan(back);
          }
        },
      ),
    );
  });

  it('every started step is finished or undone', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(reversiblePlans),
        fc.option(points, { nil: undefined }),
        fc.scheduler(),
        async ({ plan, start, faults }, cancelAt, s) => {
          const world = worldOf(start, faults);
          const interruption =
            cancelAt === undefined ? undefined : ({ at: cancelAt, what: 'cancel' } as const);
          const process = new FakeProcess(world, [], s, interruption);
          const outcome = (await process.start(plan)) as Outcome;
          const isComplete = outcome.result === 'done' || outcome.result === 'unchanged';
          expect(outcome.result).toBe(isComplete ? outcome.result : 'reverted');
          expect(world.facts()).toEqual(isComplete ? (await undisturbed(plan, start)).facts : start);
          const back = [...stepsOf(process.events, 'undo.done')].sort();
          expect(back).toEqual(isComplete ? [] : [...stepsOf(process.events, 'step.started')].sort());
        },
      ),
    );
  });

  it('a failed undo is listed and does not prevent others', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(reversiblePlans, ['before', 'after', 'undo']),
        fc.scheduler(),
        async ({ plan, start, faults }, s) => {
          const process = new FakeProcess(worldOf(start, faults), [], s);
          const outcome = (await process.start(plan)) as Outcome;
          if (outcome.failures.length === 0) return;
          const tried = [...stepsOf(process.events, 'undo.started')].sort();
          expect(tried).toEqual([...stepsOf(process.events, 'step.started')].sort());
          expect(outcome.left).toHaveLength(stepsOf(process.events, 'undo.failed').length);
          expect(outcome.result).toBe(outcome.left.length > 0 ? 'incomplete' : 'reverted');
        },
      ),
    );
  });

  it('an undo is never more parallel than its rollout', async () => {
    const cased = rollouts.chain(({ plan, width }) =>
      fc.record({ plan: fc.constant(plan), width: fc.constant(width), faults: faultsOf(plan) }),
    );
    await fc.assert(
      fc.asyncProperty(cased, fc.scheduler(), async ({ plan, width, faults }, s) => {
        const world = worldOf({}, faults);
        await new FakeProcess(world, [], s).start(plan);
        expect(undoWidth(world.actions)).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('all failures of parallel steps are reported', async () => {
    await fc.assert(
      fc.asyncProperty(cases(reversiblePlans), fc.scheduler(), async ({ plan, start, faults }, s) => {
        const world = worldOf(start, faults);
        const process = new FakeProcess(world, [], s);
        const outcome = (await process.start(plan)) as Outcome;
        expect(stepsOf(process.events, 'step.failed')).toEqual(expect.arrayContaining(world.failed));
        expect(outcome.failures.map((failure) => failure.message).sort()).toEqual(
          world.failed.map((step) => `${step} failed`).sort(),
        );
      }),
    );
  });

  it('a dry run predicts the run', async () => {
    await fc.assert(
      fc.asyncProperty(cases(anyPlans), fc.scheduler(), async ({ plan, start }, s) => {
        const { steps } = preview(plan, start, fakeRegistry);
        const process = new FakeProcess(worldOf(start), [], s);
        await process.start(plan);
        const changes = new Map(
          process.events.flatMap((event) =>
            event.type === 'step.started' ? [[event.step, event.changes]] : [],
          ),
        );
        const unseen = new Set(
          steps.flatMap(({ step, verdict }) => (verdict.kind === 'unknown' ? step.host : [])),
        );
        for (const { step, verdict } of steps) {
          if (unseen.has(step.host)) continue;
          if (verdict.kind === 'todo') expect(changes.get(step.id)).toEqual(verdict.changes);
          if (verdict.kind === 'done') expect(changes.has(step.id)).toBe(false);
        }
      }),
    );
  });

  it('nothing is undone once the run is committed', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(committingPlans),
        cancellations,
        fc.scheduler(),
        async ({ plan, start, faults }, interruption, s) => {
          const process = new FakeProcess(worldOf(start, faults), [], s, interruption);
          const outcome = (await process.start(plan)) as Outcome;
          if (!outcome.committed) return;
          expect(process.events.filter((event) => event.type.startsWith('undo.'))).toEqual([]);
        },
      ),
    );
  });

  it('nothing begins once the lease is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(reversiblePlans),
        points,
        fc.scheduler(),
        async ({ plan, start, faults }, at, s) => {
          const world = worldOf(start, faults);
          const process = new FakeProcess(world, [], s, { at, what: 'lose' });
          const outcome = (await process.start({ ...plan, holds: 'hosts' })) as Outcome;
          if (process.deedsBefore === undefined || outcome.exitCode === 0) return;
          expect(world.actions.slice(process.deedsBefore).filter(({ edge }) => edge === 'begin')).toEqual([]);
          if (outcome.result !== 'reverted') expect(outcome.exitCode).toBe(7);
        },
      ),
    );
  });

  it('nothing begins on a host once its lease is lost, and the other hosts are as before', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(reversiblePlans, ['before', 'after']),
        points,
        fc.scheduler(),
        async ({ plan, start, faults }, at, s) => {
          const world = worldOf(start, faults);
          const process = new FakeProcess(world, [], s, { at, what: 'lose a host' });
          const outcome = (await process.start({ ...plan, holds: 'hosts' })) as Outcome;
          if (process.deedsBefore === undefined || outcome.exitCode === 0) return;
          const hosts = new Map(stepsIn(plan.steps).map(({ id, host }) => [id, host]));
          const later = world.actions.slice(process.deedsBefore).filter(({ edge }) => edge === 'begin');
          expect(later.filter(({ step }) => hosts.get(step) === process.lostHost)).toEqual([]);
          if (outcome.result === 'stopped') return;
          const resource = process.lostHost.replace('host-', '');
          const others = (facts: FakeFacts) => Object.entries(facts).filter(([name]) => name !== resource);
          expect(others(world.facts())).toEqual(others(start));
          expect(outcome.left.filter(({ host }) => host !== process.lostHost)).toEqual([]);
        },
      ),
    );
  });

  it('nothing begins once a step has failed', async () => {
    await fc.assert(
      fc.asyncProperty(cases(reversiblePlans), fc.scheduler(), async ({ plan, start, faults }, s) => {
        const process = new FakeProcess(worldOf(start, faults), [], s);
        await process.start(plan);
        const failed = process.events.findIndex(({ type }) => type === 'step.failed');
        if (failed < 0) return;
        expect(stepsOf(process.events.slice(failed), 'step.started')).toEqual([]);
      }),
    );
  });
});

describe('wherever the process is interrupted', () => {
  it('a resume ends as the uninterrupted run would', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(anyPlans),
        crashes,
        fc.scheduler(),
        async ({ plan, start, faults }, interruptions, s) => {
          const expected = await undisturbed(plan, start, faults);
          const world = worldOf(start, faults);
          const { outcome } = await runToEnd(plan, world, s, interruptions);
          expect(outcome.committed).toBe(expected.outcome.committed);
          if (expected.outcome.result !== 'stopped') {
            expect(world.facts()).toEqual(expected.facts);
            expect(outcome.exitCode === 0).toBe(expected.outcome.exitCode === 0);
          }
        },
      ),
    );
  });

  it('during undo, a resume restores the initial state', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(reversiblePlans),
        crashes,
        fc.scheduler(),
        async ({ plan, start, faults }, interruptions, s) => {
          const world = worldOf(start, faults);
          const { outcome } = await runToEnd(plan, world, s, interruptions);
          if (outcome.result === 'reverted') expect(world.facts()).toEqual(start);
          else expect(outcome.failures).toEqual([]);
        },
      ),
    );
  });

  it('by a crash, cancellation or abort, a resume ends with all or nothing', async () => {
    const interruptions = fc.array(
      fc.record({ at: points, what: fc.constantFrom('crash', 'cancel', 'abandon') }),
      {
        maxLength: 3,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        cases(reversiblePlans),
        interruptions,
        fc.scheduler(),
        async ({ plan, start, faults }, chosen, s) => {
          const world = worldOf(start, faults);
          const { outcome } = await runToEnd(plan, world, s, chosen as readonly Interruption[]);
          const isComplete = outcome.exitCode === 0;
          expect(world.facts()).toEqual(isComplete ? (await undisturbed(plan, start)).facts : start);
        },
      ),
    );
  });

  it('the same plan without a journal ends as the uninterrupted run would', async () => {
    await fc.assert(
      fc.asyncProperty(
        cases(anyPlans),
        crashes,
        fc.scheduler(),
        async ({ plan, start }, interruptions, s) => {
          const world = worldOf(start);
          for (const interruption of interruptions)
            await new FakeProcess(world, [], s, interruption).start(plan);
          const outcome = await new FakeProcess(world, [], s).start(plan);
          expect(outcome).toMatchObject({ exitCode: 0 });
          expect(world.facts()).toEqual((await undisturbed(plan, start)).facts);
        },
      ),
    );
  });

  it('a resume that reverts restores the initial state, unless the run is or may be committed', async () => {
    await fc.assert(
      fc.asyncProperty(cases(anyPlans), points, fc.scheduler(), async ({ plan, start }, at, s) => {
        const world = worldOf(start);
        const journal: RunEvent[] = [];
        const end = await new FakeProcess(world, journal, s, { at, what: 'crash' }).start(plan);
        if (end !== 'dead' || journal.length === 0 || journal.at(-1)?.type === 'run.ended') return;
        const commits = stepsOf(journal, 'step.started').includes('commit');
        const passed =
          commits ||
          stepsOf(journal, 'step.skipped').includes('commit') ||
          journal.some(({ type }) => type === 'run.committed');
        const resumed = new FakeProcess(world, journal, s).resume(true);
        if (passed) await expect(resumed).rejects.toMatchObject({ kind: 'usage' });
        else {
          expect(await resumed).toMatchObject({ result: 'reverted', exitCode: 0 });
          expect(world.facts()).toEqual(start);
        }
      }),
    );
  });
});
