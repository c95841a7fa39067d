import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { finished, type Machines, machines } from './harness.js';

jest.setTimeout(300_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('past', 1);
});
afterAll(() => field.down());

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

test('status, history, releases and diff tell what was done, from the hosts and the journals', async () => {
  const project = await field.project({ ONECLICK_ENV: 'one' });
  const environments = { environments: { one: field.some([1]) } };
  const write = (env: object) => project.write({ web: { env } }, environments);
  await write({ LEVEL: 'info' });
  const json = async (...argv: readonly string[]) =>
    JSON.parse((await finished(project.start(...argv, '--json'))).stdout);
  await finished(project.start('deploy'));
  await write({ LEVEL: 'debug' });
  for (const tag of ['v2', 'v3']) await finished(project.start('deploy', 'web', '--tag', tag));
  await finished(project.start('rollback'));
  expect((await project.run('deploy', 'web', '--tag', 'broken')).code).toBe(6);

  const { stdout } = await finished(project.start('status'));
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

  const { stdout: differs } = await finished(project.start('diff', '1', '2'));
  expect(differs).toMatch(/^web: release 1 -> release 2\n/);
  expect(differs).toContain('config  env.LEVEL: info -> debug\n');

  const watching = project.start('status', '--watch', '1');
  await watching.prints(/runs the current release/);
  const [container = ''] = (await project.containers(1)).filter((line) => line.endsWith('running'));
  await field.inside(1, 'docker', 'stop', container.split(' ')[0] ?? '');
  await watching.prints(/1 of 1 instance needs attention/);
  watching.child.kill('SIGINT');
  const { code, stderr } = await watching.answer;
  expect([code, stderr.replace(/^checking .*\n/, '')]).toEqual([130, '']);
  const [web] = Status.parse(await json('status')).services;
  expect(web?.instances[0]?.why).toMatch(/container exited with code/);
});
