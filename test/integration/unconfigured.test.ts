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

test('a singleton moves to a host written above its own, and a prune cleans up the old one', async () => {
  const project = await sandbox.newProject({ ONECLICK_ENV: 'own' });
  const worker = { singleton: true, volumes: ['data:/data'] };
  await write(project, [1], { worker });
  await succeeds(project.start('deploy'));

  await write(project, [2, 1], { worker });
  const twice = await succeeds(project.start('status', '--json'));
  expect(JSON.parse(twice.stdout).unconfigured).toMatchObject([
    {
      ...{ service: 'worker', host: 'sandbox-1', running: true },
      why: 'worker runs on sandbox-1, but is configured only on sandbox-2; deploy it there: oneclick deploy worker',
    },
  ]);
  const kept = await succeeds(project.start('prune', '--yes'));
  expect(kept.stdout + kept.stderr).toContain('oneclick deploy worker');
  expect(await names(project, 1)).toEqual(['worker-1 running']);

  const moved = await succeeds(project.start('deploy'));
  expect(moved.stdout + moved.stderr).toMatch(/its data\s+does not move: volume data stays on sandbox-1/);
  expect([await names(project, 1), await names(project, 2)]).toEqual([
    ['worker-1 exited'],
    ['worker-1 running'],
  ]);

  const refused = await project.run('prune');
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--yes')]);
  await succeeds(project.start('prune', '--yes'));
  expect([await names(project, 1), await names(project, 2)]).toEqual([[], ['worker-1 running']]);
  const volumes = await sandbox.inside(1, 'docker', 'volume', 'ls', '-q');
  expect(volumes.split('\n')).toEqual([`${project.name}-own-data`]);
});

test('a renamed service is named by its own hint, and pruned together with its data if asked', async () => {
  const project = await sandbox.newProject({ ONECLICK_ENV: 'own' });
  await write(project, [1], { shop: { volumes: ['data:/data'] } });
  await succeeds(project.start('deploy'));
  await write(project, [1], { web: {} });
  const taken = await project.run('deploy');
  expect(taken.code).not.toBe(0);
  expect(taken.stderr.replace(/\s+/g, ' ')).toContain(
    'shop runs on sandbox-1 but is no longer configured; remove it: oneclick prune',
  );
  const plan = await succeeds(project.start('prune', '--volumes', '--dry-run'));
  expect(plan.stdout).toContain(`remove volume ${project.name}-own-data with its data`);
  await succeeds(project.start('prune', '--volumes', '--yes'));
  expect(await sandbox.inside(1, 'docker', 'volume', 'ls', '-q')).toBe('');
  await succeeds(project.start('deploy'));
  expect(await names(project, 1)).toEqual(['web-1 running']);
});

test('a host that oneclick.yml no longer lists is pruned by its address', async () => {
  const project = await sandbox.newProject({ ONECLICK_ENV: 'own' });
  await write(project, [1, 2], { web: {} });
  await succeeds(project.start('deploy'));
  await write(project, [1], { web: {} });
  const { address = '', port = 22 } = sandbox.environment.hosts['sandbox-2'] ?? {};
  await succeeds(project.start('prune', '--host', `${address}:${port}`, '--yes'));
  const all = await sandbox.inside(
    2,
    'docker',
    'ps',
    '-aq',
    '--filter',
    `label=oneclick.project=${project.name}`,
  );
  expect(all).toBe('');
  expect(await names(project, 1)).toEqual(['web-1 running']);
});
