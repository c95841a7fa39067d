import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { openSandbox, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('past', 1);
});
afterAll(() => sandbox.down());

const Status = z.object({
  schema: z.literal(1),
  services: z.array(z.object({ instances: z.array(z.object({ why: z.string().nullable() })) })),
});
const History = z.object({
  history: z.array(
    z.object({ what: z.string(), release: z.number().nullable(), outcome: z.string().nullable() }),
  ),
});
const Releases = z.object({
  services: z.array(z.object({ current: z.number(), rollback: z.object({ release: z.number() }) })),
});

test('status, history, releases and diff report past runs, from hosts and journals', async () => {
  const project = await sandbox.newProject({ ONECLICK_ENV: 'one' });
  const environments = { environments: { one: sandbox.environmentOf([1]) } };
  const write = (env: object) => project.write({ web: { env } }, environments);
  await write({ LEVEL: 'info' });
  const json = async (...argv: readonly string[]) =>
    JSON.parse((await succeeds(project.start(...argv, '--json'))).stdout);
  await succeeds(project.start('deploy'));
  await write({ LEVEL: 'debug' });
  for (const tag of ['v2', 'v3']) await succeeds(project.start('deploy', 'web', '--tag', tag));
  await succeeds(project.start('rollback'));
  expect((await project.run('deploy', 'web', '--tag', 'broken')).code).toBe(6);

  const { stdout } = await succeeds(project.start('status'));
  expect(stdout).toMatch(/^one: the only instance runs the current release\n/);
  const { history } = History.parse(await json('history'));
  expect(history.map(({ what, release, outcome }) => [what, release, outcome])).toEqual([
    ['deploy', null, 'reverted'],
    ['rollback', 2, 'done'],
    ['deploy', 3, 'done'],
    ['deploy', 2, 'done'],
    ['deploy', 1, 'done'],
  ]);
  expect(Releases.parse(await json('releases')).services).toEqual([{ current: 2, rollback: { release: 1 } }]);

  const { stdout: diff } = await succeeds(project.start('diff', '1', '2'));
  expect(diff).toMatch(/^web: release 1 -> release 2\n/);
  expect(diff).toContain('config  env.LEVEL: info -> debug\n');

  const watch = project.start('status', '--watch', '1');
  await watch.prints(/runs the current release/);
  const [container = ''] = (await project.containers(1)).filter((line) => line.endsWith('running'));
  await sandbox.inside(1, 'docker', 'stop', container.split(' ')[0] ?? '');
  await watch.prints(/1 of 1 instance needs attention/);
  watch.child.kill('SIGINT');
  const { code, stderr } = await watch.result;
  expect([code, stderr.replace(/^checking .*\n/, '')]).toEqual([130, '']);
  const stopped = await project.run('status', '--json');
  expect(stopped.code).toBe(8);
  const [web] = Status.parse(JSON.parse(stopped.stdout)).services;
  expect(web?.instances[0]?.why).toMatch(/container exited with code/);
});
