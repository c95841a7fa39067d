import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { expectSettled } from './expect-settled.js';
import { finished, type Machines, machines, type Project, slow, waitFor } from './harness.js';

jest.setTimeout(300_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('restart');
});
afterEach(async () => {
  await field.inside(1, 'engine', 'start');
  await field.clean();
});
afterAll(() => field.down());

/** A project that runs v1 on the first machine; later versions answer after 5 s. */
async function deployed(): Promise<Project> {
  const made = await field.project({ ONECLICK_ENV: 'one' });
  await made.write({ web: slow(5) }, { environments: { one: field.some([1]) } });
  await finished(made.start('deploy', '--batch', 'all'));
  return made;
}

const restarted = () => field.inside(1, 'engine', 'restart');

/** Until the engine answers and runs what it should. */
const settled = (project: Project, tag: string) =>
  waitFor(() =>
    project.serving(1).then(
      (tags) => tags.join() === tag,
      () => false,
    ),
  );

test('an engine that restarts after a deploy and after a rollback runs one container', async () => {
  const project = await deployed();
  await finished(project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all'));
  await restarted();
  await settled(project, 'v2');
  await expectSettled(field, project, ['v2']);
  await finished(project.start('rollback', '--batch', 'all'));
  await restarted();
  await settled(project, 'v1');
  await expectSettled(field, project, ['v1']);
});

test('an engine that restarts between the stop of the old and the start of the new runs the new one', async () => {
  const project = await deployed();
  // The project's own swap halts at that place until the gate is opened.
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
  await waitFor(async () => (await field.inside(1, 'ls', '/tmp')).includes('at-gate'));
  expect(await project.serving(1)).toEqual([]);
  await restarted();
  expect(await project.serving(1)).toEqual([]);
  await field.inside(1, 'touch', '/tmp/gate-open');
  await finished(running);
  await field.inside(1, 'rm', '/tmp/at-gate', '/tmp/gate-open');
  await expectSettled(field, project, ['v2']);
});

test('an engine that restarts while health is waited for leaves the old release, in one container', async () => {
  const project = await deployed();
  const running = project.start('deploy', 'web', '--tag', 'v2', '--batch', '1');
  await waitFor(async () => (await project.serving(1)).includes('v2'));
  await restarted();
  const { code, stderr } = await running.answer;
  expect({ code, stderr }).toMatchObject({ code: 6 });
  expect(stderr).toContain('sandbox-1');
  await expectSettled(field, project, ['v1']);
});

test('after a deploy died with its engine in mid-swap, the engine brings neither back by itself, and the next deploy does', async () => {
  const project = await deployed();
  const running = project.start('deploy', 'web', '--tag', 'v2', '--batch', '1');
  await waitFor(async () => (await project.serving(1)).includes('v2'));
  running.child.kill('SIGKILL');
  await running.answer;
  await restarted();
  expect(await project.serving(1)).toEqual([]);
  await finished(project.start('deploy', 'web', '--tag', 'v2', '--wait'));
  await expectSettled(field, project, ['v2']);
});

const Status = z.object({
  services: z.array(z.object({ instances: z.array(z.object({ host: z.string(), state: z.string() })) })),
});

// An engine that was killed finds its containers running, stops them, and takes `unless-stopped` for a stop by hand.
test('what a killed engine runs again is what it would of a plain docker run; status says so, and a deploy mends it', async () => {
  const project = await deployed();
  const plain = ['--restart', 'unless-stopped', '-p', `${project.port + 1}:8080`, field.image('v1')];
  await field.inside(1, 'docker', 'run', '-d', '--name', 'plain', ...plain);
  await field.inside(1, 'engine', 'kill');
  await waitFor(async () => {
    const answers = ['sh', '-c', 'curl -fs --unix-socket /run/docker.sock http://engine/_ping || true'];
    return (await field.inside(1, ...answers)) === 'OK';
  });
  const state = (name: string) => field.inside(1, 'docker', 'inspect', '-f', '{{.State.Status}}', name);
  const [name = ''] = (await project.containers(1)).map((line) => line.split(' ')[0] ?? '');
  expect(await state(name)).toBe(await state('plain'));
  const { stdout } = await finished(project.start('status', '--json'));
  const said = Status.parse(JSON.parse(stdout)).services[0]?.instances.find(
    ({ host }) => host === 'sandbox-1',
  );
  expect([await state(name), said?.state]).toEqual(['exited', 'stopped']);
  await finished(project.start('deploy'));
  await expectSettled(field, project, ['v1']);
});
