import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { openSandbox, type Project, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('unconfigured');
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

/** The machines of the environment `own`, in this order. */
function write(project: Project, machines: readonly number[], services: Readonly<Record<string, object>>) {
  const { hosts, ssh } = sandbox.environmentOf(machines);
  const ordered = machines.map((machine) => [`sandbox-${machine}`, hosts[`sandbox-${machine}`]]);
  return project.write(services, { environments: { own: { hosts: Object.fromEntries(ordered), ssh } } });
}

const names = async (project: Project, machine: number) =>
  (await project.containers(machine)).map((line) => line.replace(`${project.name}-own-`, '')).sort();

test('a singleton moves to a host written above its own; a prune removes it from the old one by its address', async () => {
  const project = await sandbox.newProject({ ONECLICK_ENV: 'own' });
  const worker = { singleton: true, volumes: ['data:/data'] };
  await write(project, [1], { worker });
  await succeeds(project.start('deploy'));

  await write(project, [2, 1], { worker });
  const twice = await project.run('status', '--json');
  expect(twice.code).toBe(8);
  expect(JSON.parse(twice.stdout).unconfigured).toMatchObject([
    {
      ...{ service: 'worker', host: 'sandbox-1', running: true },
      why: 'worker runs on sandbox-1, but is configured only on sandbox-2; deploy it there: oneclick deploy worker',
    },
  ]);
  const moved = await succeeds(project.start('deploy'));
  expect(moved.stdout + moved.stderr).toMatch(/its data\s+does not move: volume data stays on sandbox-1/);
  expect([await names(project, 1), await names(project, 2)]).toEqual([
    ['worker-1 exited'],
    ['worker-1 running'],
  ]);

  await write(project, [2], { worker });
  const { address = '', port = 22 } = sandbox.environment.hosts['sandbox-1'] ?? {};
  const refused = await project.run('prune', '--host', `${address}:${port}`);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--yes')]);
  await succeeds(project.start('prune', '--host', `${address}:${port}`, '--yes'));
  expect(await names(project, 2)).toEqual(['worker-1 running']);
  expect(await sandbox.inside(1, 'docker', 'ps', '-aq')).toBe('');
  expect(await sandbox.inside(1, 'docker', 'volume', 'ls', '-q')).toBe(`${project.name}-own-data`);
});

test('a renamed service is named where its port is taken, and pruned with its data if asked', async () => {
  const project = await sandbox.newProject({ ONECLICK_ENV: 'own' });
  await write(project, [1], { shop: { volumes: ['data:/data'] } });
  await succeeds(project.start('deploy'));
  await write(project, [1], { web: {} });
  const taken = await project.run('deploy', '--json');
  expect(taken.code).not.toBe(0);
  expect(taken.stdout + taken.stderr).toContain(
    'shop runs on sandbox-1 but is no longer configured; remove it: oneclick prune',
  );
  const pruned = await succeeds(project.start('prune', '--volumes', '--yes'));
  expect(pruned.stdout + pruned.stderr).not.toContain('will be kept');
  expect(await sandbox.inside(1, 'docker', 'volume', 'ls', '-q')).toBe('');
  await succeeds(project.start('deploy'));
  expect(await names(project, 1)).toEqual(['web-1 running']);
});
