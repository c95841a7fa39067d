import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { environmentOfRun, keptLogs, readRunLogs } from '../../../../src/app/logs/run-logs.js';
import { Failure } from '../../../../src/domain/failure.js';
import { at, Fleet, serviceOn } from '../../tasks/fleet.js';

const secret = 'Zq8-planted-secret';
const web = serviceOn('web', 8080, { count: 2 });
const bad = {
  ...at(web, 'bad'),
  secrets: ['TOKEN'],
  releaseCommand: { command: ['migrate'], onLaterFailure: 'revert' as const, timeout: 60_000 },
};
let folder: string;
let fleet: Fleet;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oneclick-logs-'));
  fleet = new Fleet(2, { folder });
  fleet.secrets.set('TOKEN', secret);
  fleet.push('web', 'v1');
  fleet.push('web', 'bad', { exits: { code: 4 }, logs: ['no such table', `token ${secret}`] });
  await fleet.deploy(web);
  await fleet.deploy(bad);
});
afterEach(() => rm(folder, { recursive: true }));

async function logsOf(run: string) {
  const session = await fleet.session([web]);
  const kept = await keptLogs(session, run);
  return fleet.connected([web], (connected) =>
    readRunLogs(session, connected, {
      ...{ run, services: [], hosts: [], kept },
      options: { follow: false, lines: 200 },
    }),
  );
}
const linesOf = ({ entries }: Awaited<ReturnType<typeof logsOf>>) =>
  entries.map(({ host, service, text }) => `${host} ${service} ${text}`);

describe('the logs of a failed run', () => {
  it('are those of its release command while its container is there', async () => {
    const logs = await logsOf('run-2');
    expect(linesOf(logs)).toEqual(['host-1 web no such table', `host-1 web token ${secret}`]);
    expect(logs.problems).toEqual([]);
  });

  it('are the redacted lines kept with the run when the host is down or the container is gone', async () => {
    const kept = ['host-1 web no such table', 'host-1 web token ***'];
    fleet.down.add('host-1');
    const logs = await logsOf('run-2');
    expect(linesOf(logs)).toEqual(kept);
    expect(logs.problems).toMatchObject([{ host: 'host-1', kind: 'unreachable' }]);
    fleet.down.clear();
    for (const { engine } of fleet.hosts) engine.prune();
    expect(linesOf(await logsOf('run-2'))).toEqual(kept);
    expect(await readFile(join(folder, '.oneclick/runs/run-2.jsonl'), 'utf8')).not.toContain(secret);
  });

  it('are the kept lines if the engine cannot read the log', async () => {
    fleet.host('host-1').engine.faults.fail('readLogs', new Failure('failed', 'logs.driver', 'no log'));
    const logs = await logsOf('run-2');
    expect(linesOf(logs)).toHaveLength(2);
    expect(logs.problems).toMatchObject([{ code: 'logs.driver' }]);
  });

  it('are those of its candidates, under the name that they have now', async () => {
    const { releaseCommand: _, ...plain } = bad;
    await fleet.deploy(plain);
    expect(linesOf(await logsOf('run-3'))).toEqual([
      'host-1 web no such table',
      `host-1 web token ${secret}`,
    ]);
    for (const { engine } of fleet.hosts) engine.prune();
    expect(linesOf(await logsOf('run-3'))).toEqual(['host-1 web no such table', 'host-1 web token ***']);
  });

  it('are empty without a journal and containers; another environment is refused', async () => {
    expect(await logsOf('unknown')).toEqual({ entries: [], problems: [] });
    expect(await environmentOfRun({ folder }, 'run-2')).toBe('production');
    expect(await environmentOfRun({ folder }, 'unknown')).toBeUndefined();
    fleet.id = { project: 'shop', environment: 'staging' };
    await expect(logsOf('run-2')).rejects.toMatchObject({ kind: 'usage', code: 'logs.environment' });
  });
});
