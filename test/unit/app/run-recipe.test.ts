import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecipeResult } from '../../../src/app/run-recipe.js';
import type { Preview } from '../../../src/run/preview.js';
import { at, everywhere, Fleet, type FleetRequest, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080);
let fleet: Fleet;

beforeEach(async () => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
  fleet.push('web', 'bad', { answers: 500 });
  await fleet.deploy(web);
});

afterEach(() => {
  expect(fleet.open).toEqual([]);
});

const run = (request: FleetRequest = {}, tag = 'v2') => fleet.recipe('deploy', [at(web, tag)], request);
const serves = (tag: string) => everywhere(`web ${tag} unless-stopped`);
const outcome = (result: RecipeResult) => (result.kind === 'ran' ? result.report.outcome : result);

/** Starts `work` while another run holds the lease and has changed nothing; that run ends while `work` waits for it. */
async function whileAnotherDeploys(tag: string, work: () => Promise<RecipeResult>): Promise<RecipeResult> {
  const started: Promise<RecipeResult>[] = [];
  fleet.host('host-1').engine.faults.before('pull', async () => {
    const waiting = fleet.listener.hears('busy waits until ');
    started.push(work());
    await waiting;
  });
  await fleet.deploy(at(web, tag));
  const [result] = started;
  if (result === undefined) throw new Error('the other run pulled nothing');
  return result;
}

describe('a recipe that is only looked at', () => {
  it('is planned, and nothing changes', async () => {
    const before = fleet.state();
    const result = await run({ dryRun: 'plan' });
    expect(result).toMatchObject({ kind: 'planned', plan: { run: { recipe: 'deploy', who: 'ada' } } });
    expect([fleet.state(), fleet.listener.heard]).toEqual([before, ['busy looking at production', 'ready']]);
  });

  it('is explained as commands, and nothing changes', async () => {
    const before = fleet.state();
    expect(await run({ dryRun: 'commands' })).toMatchObject({ kind: 'explained' });
    expect(fleet.state()).toEqual(before);
  });

  it('is blocked by what the hosts say against it', async () => {
    const result = await fleet.recipe('rollback', [web], { dryRun: 'plan' });
    expect(result).toMatchObject({ kind: 'blocked', problems: [{ code: 'release.unknown' }] });
  });
});

describe('a recipe that runs', () => {
  it('ends with a report of what it released', async () => {
    const result = await run();
    expect(result).toMatchObject({
      kind: 'ran',
      report: {
        outcome: { result: 'done', exitCode: 0 },
        services: [{ service: 'web', release: 2, reference: 'registry.test/web:v2', hosts: 3 }],
        running: [],
      },
    });
    expect(fleet.serves()).toEqual(serves('v2'));
  });

  it('tells the listener that looking has ended before its first event, and of nothing after its last', async () => {
    await run();
    const { heard } = fleet.listener;
    expect(heard.slice(0, 3)).toEqual(['busy looking at production', 'ready', 'event run.started']);
    expect(heard.at(-1)).toBe('event run.ended');
  });

  it('tells the listener the same events as the journal, but for progress', async () => {
    await run();
    const told = fleet.listener.events.filter(({ type }) => type !== 'step.progress');
    expect(told.map(({ type }) => type)).toEqual(fleet.events.map(({ type }) => type));
  });

  it('hands over the plan that nobody was asked about just before it runs', async () => {
    const seen: unknown[] = [];
    await run({ onPlanned: ({ steps }) => seen.push([steps.length > 0, [...fleet.listener.heard]]) });
    expect(seen).toEqual([[true, ['busy looking at production', 'ready']]]);
  });

  it('is blocked before anything changes where a host is missing', async () => {
    fleet.down.add('host-2');
    const result = await run();
    expect(result).toMatchObject({
      kind: 'blocked',
      problems: [{ host: 'host-2', code: 'host.unreachable' }],
    });
    expect(fleet.serves()).toEqual(serves('v1'));
  });

  it('that cannot be read throws before a host is connected to', async () => {
    const connections = fleet.connections.length;
    await expect(fleet.recipe('deplyo', [web])).rejects.toMatchObject({ code: 'recipe.unknown' });
    expect(fleet.connections).toHaveLength(connections);
  });

  it('that fails is taken back unless the request says to stop', async () => {
    expect(outcome(await run({}, 'bad'))).toMatchObject({ result: 'reverted', exitCode: 6 });
    expect(fleet.serves()).toEqual(serves('v1'));
    expect(outcome(await run({ onFailure: 'stop' }, 'bad'))).toMatchObject({ result: 'stopped' });
    expect(fleet.serves()).not.toEqual(serves('v1'));
  });
});

describe('a recipe that is confirmed', () => {
  it('changes nothing when the answer is no', async () => {
    const before = fleet.state();
    expect(await run({ confirm: async () => false })).toEqual({ kind: 'declined' });
    expect(fleet.state()).toEqual(before);
  });

  it('runs when the answer is yes, and holds no lease while it is asked', async () => {
    const held: unknown[] = [];
    const confirm = async () => {
      held.push(...fleet.leases.flatMap((leases) => leases.held));
      return true;
    };
    expect(outcome(await run({ confirm }))).toMatchObject({ result: 'done' });
    expect(held).toEqual([]);
  });

  it('is not asked about where there is nothing to do', async () => {
    const asked: Preview[] = [];
    const confirm = async (preview: Preview) => asked.push(preview) > 0;
    expect(outcome(await run({ confirm }, 'v1'))).toMatchObject({ result: 'unchanged' });
    expect(asked).toEqual([]);
  });

  it('is asked about again when the hosts have changed since the answer', async () => {
    const asked: Preview[] = [];
    const confirm = async (preview: Preview) => {
      asked.push(preview);
      if (asked.length === 1) await fleet.deploy(at(web, 'v2'));
      return true;
    };
    expect(outcome(await run({ confirm }, 'v3'))).toMatchObject({ result: 'done' });
    expect(asked).toHaveLength(2);
    expect(fleet.warnings).toEqual([expect.stringMatching(/^the servers have changed since you said yes: /)]);
    expect(fleet.serves()).toEqual(serves('v3'));
  });

  it('can be declined the second time', async () => {
    const answers = [true, false];
    const confirm = async () => {
      if (answers.length === 2) await fleet.deploy(at(web, 'v2'));
      return answers.shift() ?? true;
    };
    expect(await run({ confirm }, 'v3')).toEqual({ kind: 'declined' });
    expect(fleet.serves()).toEqual(serves('v2'));
  });
});

describe('a recipe whose hosts are held by another run', () => {
  it('is refused, and the failure names who holds them', async () => {
    const refusals: unknown[] = [];
    fleet.host('host-1').engine.faults.before('pull', async () => {
      refusals.push(await run({}, 'v3').catch((error: unknown) => error));
    });
    await run();
    expect(refusals).toEqual([
      expect.objectContaining({
        code: 'lease.held',
        message: expect.stringContaining('has been deploying web for 0 s (run run-2)'),
      }),
    ]);
    expect(fleet.serves()).toEqual(serves('v2'));
  });

  it('waits for them where that is asked for', async () => {
    const result = await whileAnotherDeploys('v2', () => run({ wait: true }, 'v3'));
    expect(outcome(result)).toMatchObject({ result: 'done' });
    expect(fleet.serves()).toEqual(serves('v3'));
  });

  it('runs after the wait though its plan has changed, where it does not depend on the current release', async () => {
    const asked: Preview[] = [];
    const confirm = async (preview: Preview) => asked.push(preview) > 0;
    const result = await whileAnotherDeploys('v2', () => run({ wait: true, confirm }, 'v3'));
    expect(outcome(result)).toMatchObject({ result: 'done' });
    expect(asked).toHaveLength(1);
  });

  describe('and depends on the current release', () => {
    const rollback = (request: FleetRequest) => () => fleet.recipe('rollback', [web], request);

    beforeEach(async () => {
      await fleet.deploy(at(web, 'v2'));
    });

    it('fails after the wait when its plan has changed and nobody can be asked', async () => {
      const rolling = whileAnotherDeploys('v3', rollback({ wait: true }));
      await expect(rolling).rejects.toMatchObject({ code: 'plan.changed' });
      expect(fleet.serves()).toEqual(serves('v3'));
    });

    it('is asked about again after the wait', async () => {
      const asked: Preview[] = [];
      const confirm = async (preview: Preview) => asked.push(preview) < 2;
      const result = await whileAnotherDeploys('v3', rollback({ wait: true, confirm }));
      expect([result.kind, asked.length]).toEqual(['declined', 2]);
    });
  });
});
