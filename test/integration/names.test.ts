import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { openSandbox, type Project, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('names');
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

/** A project on the first machine, with a web service that has a data volume. */
async function projectNamed(project: string, environment: string): Promise<Project> {
  const created = await sandbox.newProject({ ONECLICK_ENV: environment });
  await created.write(
    { web: { volumes: ['data:/data'] } },
    { project, environments: { [environment]: sandbox.environmentOf([1]) } },
  );
  return created;
}

const inside = (...argv: readonly string[]) => sandbox.inside(1, 'docker', ...argv);
const idOf = (project: string) =>
  inside(
    'ps',
    '-q',
    '--filter',
    `label=oneclick.project=${project}`,
    '--filter',
    'label=oneclick.role=service',
  );

test('two projects whose names make the same prefix share neither network nor data nor log', async () => {
  const [shop, other] = [await projectNamed('shop', 'eu-prod'), await projectNamed('shop-eu', 'prod')];
  await succeeds(shop.start('deploy'));
  await inside('exec', await idOf('shop'), 'sh', '-c', 'echo secret >/data/file');
  await succeeds(other.start('deploy'));
  expect(await inside('exec', await idOf('shop-eu'), 'ls', '/data')).toBe('');
  expect(await inside('exec', await idOf('shop'), 'cat', '/data/file')).toBe('secret');
  const networks = async (project: string) =>
    inside('inspect', '--format', '{{json .NetworkSettings.Networks}}', await idOf(project));
  expect(Object.keys(JSON.parse(await networks('shop')))).toEqual(['shop-eu-prod']);
  expect(Object.keys(JSON.parse(await networks('shop-eu')))).toEqual([
    expect.stringMatching(/^shop-eu-prod-[0-9a-f]{8}$/),
  ]);
  expect([await shop.serving(1), await other.serving(1)]).toEqual([['v1'], ['v1']]);
  expect((await succeeds(shop.start('releases'))).stdout).not.toContain('v2');
});

test('a volume that somebody else created is not taken over', async () => {
  const shop = await projectNamed('shop', 'eu-prod');
  await inside('volume', 'create', 'shop-eu-prod-data');
  const { code, stderr } = await shop.run('deploy');
  expect([code, stderr]).toEqual([1, expect.stringContaining('volume shop-eu-prod-data exists')]);
});
