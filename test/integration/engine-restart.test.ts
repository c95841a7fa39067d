import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { expectSettled } from './expect-settled.js';
import { openSandbox, type Project, type Sandbox, slow, succeeds, waitFor } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('restart');
});
afterEach(async () => {
  await sandbox.inside(1, 'engine', 'start');
  await sandbox.clean();
});
afterAll(() => sandbox.down());

/** A project that runs v1 on the first machine; later versions answer after 5 s. */
async function deployed(): Promise<Project> {
  const project = await sandbox.newProject({ ONECLICK_ENV: 'one' });
  await project.write({ web: slow(5) }, { environments: { one: sandbox.environmentOf([1]) } });
  await succeeds(project.start('deploy', '--batch', 'all'));
  return project;
}

const restartEngine = () => sandbox.inside(1, 'engine', 'restart');

/** Waits until the engine responds and runs this tag. */
const waitUntilServing = (project: Project, tag: string) =>
  waitFor(() =>
    project.serving(1).then(
      (tags) => tags.join() === tag,
      () => false,
    ),
  );

test('a restarted engine runs one container, after a deploy and after a rollback', async () => {
  const project = await deployed();
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all'));
  await restartEngine();
  await waitUntilServing(project, 'v2');
  await expectSettled(sandbox, project, ['v2']);
  await succeeds(project.start('rollback', '--batch', 'all'));
  await restartEngine();
  await waitUntilServing(project, 'v1');
  await expectSettled(sandbox, project, ['v1']);
});

test('an engine restart between stopping the old and starting the new container leaves the new one running', async () => {
  const project = await deployed();
  // The swap recipe of this project waits until /tmp/gate-open exists.
  await mkdir(join(project.folder, '.oneclick/recipes'), { recursive: true });
  await writeFile(
    join(project.folder, '.oneclick/recipes/swap-plain.yml'),
    [
      '- container.create',
      '- container.stop: { release: old }',
      '- remote: touch /tmp/at-gate; timeout 300 sh -c "until [ -e /tmp/gate-open ]; do sleep 0.1; done"',
      '- container.start',
      '- health.wait',
      '',
    ].join('\n'),
  );
  const running = project.start('deploy', 'web', '--tag', 'v2');
  await waitFor(async () => (await sandbox.inside(1, 'ls', '/tmp')).includes('at-gate'));
  expect(await project.serving(1)).toEqual([]);
  await restartEngine();
  expect(await project.serving(1)).toEqual([]);
  await sandbox.inside(1, 'touch', '/tmp/gate-open');
  await succeeds(running);
  await sandbox.inside(1, 'rm', '/tmp/at-gate', '/tmp/gate-open');
  await expectSettled(sandbox, project, ['v2']);
});

test('an engine restart during the wait for health leaves one container of the old release', async () => {
  const project = await deployed();
  const running = project.start('deploy', 'web', '--tag', 'v2', '--batch', '1');
  await waitFor(async () => (await project.serving(1)).includes('v2'));
  await restartEngine();
  const { code, stderr } = await running.result;
  expect({ code, stderr }).toMatchObject({ code: 6 });
  expect(stderr).toContain('sandbox-1');
  await expectSettled(sandbox, project, ['v1']);
});

test('after a killed deploy and an engine restart during a swap nothing runs until the next deploy', async () => {
  const project = await deployed();
  const running = project.start('deploy', 'web', '--tag', 'v2', '--batch', '1');
  await waitFor(async () => (await project.serving(1)).includes('v2'));
  running.child.kill('SIGKILL');
  await running.result;
  await restartEngine();
  expect(await project.serving(1)).toEqual([]);
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--wait'));
  await expectSettled(sandbox, project, ['v2']);
});

const Status = z.object({
  services: z.array(z.object({ instances: z.array(z.object({ host: z.string(), state: z.string() })) })),
});

// A killed engine stops its containers at the next start, and counts that as a manual stop.
test('after an engine was killed, containers behave like those of docker run, status reports them, and a deploy starts them', async () => {
  const project = await deployed();
  const plain = ['--restart', 'unless-stopped', '-p', `${project.port + 1}:8080`, sandbox.image('v1')];
  await sandbox.inside(1, 'docker', 'run', '-d', '--name', 'plain', ...plain);
  await sandbox.inside(1, 'engine', 'kill');
  await waitFor(async () => {
    const answers = ['sh', '-c', 'curl -fs --unix-socket /run/docker.sock http://engine/_ping || true'];
    return (await sandbox.inside(1, ...answers)) === 'OK';
  });
  const state = (name: string) => sandbox.inside(1, 'docker', 'inspect', '-f', '{{.State.Status}}', name);
  const [name = ''] = (await project.containers(1)).map((line) => line.split(' ')[0] ?? '');
  expect(await state(name)).toBe(await state('plain'));
  const { code, stdout } = await project.run('status', '--json');
  expect(code).toBe(8);
  const instance = Status.parse(JSON.parse(stdout)).services[0]?.instances.find(
    ({ host }) => host === 'sandbox-1',
  );
  expect([await state(name), instance?.state]).toEqual(['exited', 'stopped']);
  await succeeds(project.start('deploy'));
  await expectSettled(sandbox, project, ['v1']);
});
