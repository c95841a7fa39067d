import { beforeEach, describe, expect, it } from '@jest/globals';
import { historyOf, type KnownRun } from '../../../src/domain/history.js';
import { releaseLog } from '../../../src/domain/log.js';
import { historyText } from '../../../src/report/history.js';
import { plainStyle } from '../../../src/report/style.js';
import { at, Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080);
const page = { columns: 80, style: plainStyle };
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet();
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
});

describe('the history', () => {
  const known = (id: string, parts: Partial<KnownRun> = {}): KnownRun => ({
    ...{ id, recipe: 'deploy', who: 'ada', services: [{ name: 'web' }], outcome: 'done', ms: 4200 },
    ...{ started: fleet.clock.now().toISOString(), ...parts },
  });

  async function activations() {
    const facts = await fleet.facts([web]);
    return releaseLog(facts, 'web').map((line) => ({ service: 'web', line }));
  }

  it('follows the release log, newest first, with details from local journals', async () => {
    await fleet.deploy(web);
    await fleet.deploy(at(web, 'v2'));
    await fleet.rollback(web);
    const output = historyOf({ activations: await activations(), audits: [], runs: [known('run-2')] });
    expect(output.map(({ what, release, outcome, ms }) => [what, release, outcome, ms])).toEqual([
      ['rollback', 1, null, null],
      ['deploy', 2, 'done', 4200],
      ['deploy', 1, null, null],
    ]);
  });

  it('includes failed runs and taken leases, each on a line of at most 80 columns', async () => {
    await fleet.deploy(web);
    await fleet.clock.advance(60_000);
    const failed = known('run-9', {
      services: [{ name: 'web', reference: 'ghcr.io/acme/a-long-name:broken' }],
      outcome: 'reverted',
    });
    const taken = { what: 'lease.take' as const, who: 'eve', at: failed.started, run: 'run-9', whose: 'ada' };
    await fleet.clock.advance(60_000);
    await fleet.deploy(at(web, 'v2'));
    const history = historyOf({ activations: await activations(), audits: [taken], runs: [failed] });
    expect(history.map(({ what, run: id }) => [what, id])).toEqual([
      ['deploy', 'run-2'],
      ['lease.take', 'run-9'],
      ['deploy', 'run-9'],
      ['deploy', 'run-1'],
    ]);
    const said = historyText({ environment: 'production', history, older: 3 }, page, fleet.clock.now());
    const lines = said.trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.at(-1)).toBe('3 older entries: oneclick history -n 7');
    expect(said).toMatch(/reverted 4\.2s/);
  });
});
