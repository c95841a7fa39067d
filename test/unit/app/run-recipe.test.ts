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

/** Starts `work` while another run holds the lease; that run ends while `work` waits. */
async function whileAnotherDeploys(tag: string, work: () => Promise<RecipeResult>): Promise<RecipeResult> {
  const started: Promise<RecipeResult>[] = [];
  fleet.host('host-1').engine.faults.before('pull', async () => {
    const waiting = fleet.listener.next('busy waiting for the lease');
    started.push(work());
    await waiting;
  });
  await fleet.deploy(at(web, tag));
  const [result] = started;
  if (result === undefined) throw new Error('the other run pulled nothing');
  return result;
}

describe('a dry run of a recipe', () => {
  it('returns the plan without changes', async () => {
    const before = fleet.state();
    const result = await run({ dryRun: 'plan' });
    expect(result).toMatchObject({ kind: 'planned', plan: { run: { recipe: 'deploy', who: 'ada' } } });
    expect([fleet.state(), fleet.listener.lines]).toEqual([before, ['busy checking production', 'ready']]);
  });

  it('returns commands without changes', async () => {
    const before = fleet.state();
    expect(await run({ dryRun: 'commands' })).toMatchObject({ kind: 'explained' });
    expect(fleet.state()).toEqual(before);
  });

  it('is blocked by problems on the hosts', async () => {
    const result = await fleet.recipe('rollback', [web], { dryRun: 'plan' });
    expect(result).toMatchObject({ kind: 'blocked', problems: [{ code: 'release.unknown' }] });
  });
});

describe('a run of a recipe', () => {
  it('returns a report with the new releases', async () => {
    const result = await run();
    expect(result).toMatchObject({
      kind: 'ran',
      report: {
        outcome: { result: 'done', exitCode: 0 },
        services: [{ service: 'web', release: 2, reference: 'registry.test/web:v2', hosts: 3 }],
        running: [],
      },
    });
    expect(fleet.runningTags()).toEqual(serves('v2'));
  });

  it('ends the busy line before its first event, and reports nothing after its last', async () => {
    await run();
    const { lines } = fleet.listener;
    expect(lines.slice(0, 3)).toEqual(['busy checking production', 'ready', 'event run.started']);
    expect(lines.at(-1)).toBe('event run.ended');
  });

  it('reports the events of the journal, and progress', async () => {
    await run();
    const told = fleet.listener.events.filter(({ type }) => type !== 'step.progress');
    expect(told.map(({ type }) => type)).toEqual(fleet.events.map(({ type }) => type));
  });

  it('reports an unconfirmed plan just before it runs', async () => {
    const seen: unknown[] = [];
    await run({ onPlanned: ({ steps }) => seen.push([steps.length > 0, [...fleet.listener.lines]]) });
    expect(seen).toEqual([[true, ['busy checking production', 'ready']]]);
  });

  it('is blocked by an unreachable host before anything changes', async () => {
    fleet.down.add('host-2');
    const result = await run();
    expect(result).toMatchObject({
      kind: 'blocked',
      problems: [{ host: 'host-2', code: 'host.unreachable' }],
    });
    expect(fleet.runningTags()).toEqual(serves('v1'));
  });

  it('fails before connecting if the recipe cannot be read', async () => {
    const connections = fleet.connections.length;
    await expect(fleet.recipe('deplyo', [web])).rejects.toMatchObject({ code: 'recipe.unknown' });
    expect(fleet.connections).toHaveLength(connections);
  });

  it('is undone on failure unless the request says to stop', async () => {
    expect(outcome(await run({}, 'bad'))).toMatchObject({ result: 'reverted', exitCode: 6 });
    expect(fleet.runningTags()).toEqual(serves('v1'));
    expect(outcome(await run({ onFailure: 'stop' }, 'bad'))).toMatchObject({ result: 'stopped' });
    expect(fleet.runningTags()).not.toEqual(serves('v1'));
  });
});

describe('a recipe with confirmation', () => {
  it('changes nothing when declined', async () => {
    const before = fleet.state();
    expect(await run({ confirm: async () => false })).toEqual({ kind: 'declined' });
    expect(fleet.state()).toEqual(before);
  });

  it('runs when confirmed, and holds no lease during the prompt', async () => {
    const heldLeases: unknown[] = [];
    const confirm = async () => {
      heldLeases.push(...fleet.leases.flatMap((leases) => leases.held));
      return true;
    };
    expect(outcome(await run({ confirm }))).toMatchObject({ result: 'done' });
    expect(heldLeases).toEqual([]);
  });

  it('does not prompt when there is nothing to do', async () => {
    const asked: Preview[] = [];
    const confirm = async (preview: Preview) => asked.push(preview) > 0;
    expect(outcome(await run({ confirm }, 'v1'))).toMatchObject({ result: 'unchanged' });
    expect(asked).toEqual([]);
  });

  it('prompts again when the hosts have changed since', async () => {
    const asked: Preview[] = [];
    const confirm = async (preview: Preview) => {
      asked.push(preview);
      if (asked.length === 1) await fleet.deploy(at(web, 'v2'));
      return true;
    };
    expect(outcome(await run({ confirm }, 'v3'))).toMatchObject({ result: 'done' });
    expect(asked).toHaveLength(2);
    expect(fleet.warnings).toEqual([expect.stringMatching(/^the hosts changed after you confirmed: /)]);
    expect(fleet.runningTags()).toEqual(serves('v3'));
  });

  it('can be declined at the second prompt', async () => {
    const answers = [true, false];
    const confirm = async () => {
      if (answers.length === 2) await fleet.deploy(at(web, 'v2'));
      return answers.shift() ?? true;
    };
    expect(await run({ confirm }, 'v3')).toEqual({ kind: 'declined' });
    expect(fleet.runningTags()).toEqual(serves('v2'));
  });
});

describe('a recipe on hosts that another run holds', () => {
  it('fails and names the holder', async () => {
    const refusals: unknown[] = [];
    fleet.host('host-1').engine.faults.before('pull', async () => {
      refusals.push(await run({}, 'v3').catch((error: unknown) => error));
    });
    await run();
    expect(refusals).toEqual([
      expect.objectContaining({
        code: 'lease.held',
        message: expect.stringMatching(/has been deploying web for \d+ s \(run run-2\)/),
      }),
    ]);
    expect(fleet.runningTags()).toEqual(serves('v2'));
  });

  it('waits if requested', async () => {
    const result = await whileAnotherDeploys('v2', () => run({ wait: true }, 'v3'));
    expect(outcome(result)).toMatchObject({ result: 'done' });
    expect(fleet.runningTags()).toEqual(serves('v3'));
  });

  it('runs a changed plan after the wait if it does not depend on the current release', async () => {
    const asked: Preview[] = [];
    const confirm = async (preview: Preview) => asked.push(preview) > 0;
    const result = await whileAnotherDeploys('v2', () => run({ wait: true, confirm }, 'v3'));
    expect(outcome(result)).toMatchObject({ result: 'done' });
    expect(asked).toHaveLength(1);
  });

  describe('when it depends on the current release', () => {
    const rollback = (request: FleetRequest) => () => fleet.recipe('rollback', [web], request);

    beforeEach(async () => {
      await fleet.deploy(at(web, 'v2'));
    });

    it('fails after the wait if the plan has changed and prompts are not possible', async () => {
      const rolling = whileAnotherDeploys('v3', rollback({ wait: true }));
      await expect(rolling).rejects.toMatchObject({ code: 'plan.changed' });
      expect(fleet.runningTags()).toEqual(serves('v3'));
    });

    it('prompts again after the wait', async () => {
      const asked: Preview[] = [];
      const confirm = async (preview: Preview) => asked.push(preview) < 2;
      const result = await whileAnotherDeploys('v3', rollback({ wait: true, confirm }));
      expect([result.kind, asked.length]).toEqual(['declined', 2]);
    });
  });
});
