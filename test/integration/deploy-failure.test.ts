import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { finished, type Machines, machines, type Project } from './harness.js';

jest.setTimeout(300_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('failure');
});
afterEach(() => field.clean());
afterAll(() => field.down());

const everywhere = (tag: string) => [[tag], [tag], [tag]];

/** A project that runs v1 everywhere. */
async function deployed(services: Readonly<Record<string, object>> = { web: {} }): Promise<Project> {
  const made = await field.project();
  await made.write(services);
  await finished(made.start('deploy', '--batch', 'all'));
  return made;
}

/** Answers 500 from v2 on, on the second machine only. */
const failsOnSecond = {
  volumes: ['/etc/hostname:/machine:ro'],
  docker: {
    Entrypoint: [
      '/bin/sh',
      '-c',
      '[ "$VERSION" = v2 ] && grep -q sandbox-2 /machine && export BROKEN=500; exec /bin/app',
    ],
  },
};

test('a release that answers 500 is taken back in the first batch, and the card shows why', async () => {
  const project = await deployed();
  const { code, stderr } = await project.run('deploy', 'web', '--tag', 'broken', '--batch', '1');
  expect(code).toBe(6);
  expect(stderr).toContain('sandbox-1');
  expect(stderr).toContain('500');
  expect(stderr).toContain('sample broken: listening on port 8080');
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a release that exits at once is taken back, and its last words are shown', async () => {
  const project = await deployed();
  const { code, stderr } = await project.run('deploy', 'web', '--tag', 'exits', '--batch', 'all');
  expect(code).toBe(6);
  expect(stderr).toContain('cannot go on: told to exit');
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a release that fails on the second machine only is taken back on the first too', async () => {
  const project = await deployed({ web: failsOnSecond });
  const { code, stderr } = await project.run('deploy', 'web', '--tag', 'v2', '--batch', '1');
  expect(code).toBe(6);
  expect(stderr).toMatch(/sandbox-2[^\n]*/);
  expect(stderr).toContain('500');
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a later deploy after a failed one succeeds', async () => {
  const project = await deployed();
  expect(await project.run('deploy', 'web', '--tag', 'broken')).toMatchObject({ code: 6 });
  await finished(project.start('deploy', 'web', '--tag', 'v2'));
  expect(await project.served()).toEqual(everywhere('v2'));
  await finished(project.start('rollback'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a rollback needs no registry, which a deploy does', async () => {
  const project = await deployed();
  await finished(project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all'));
  const onAll = (line: string) =>
    Promise.all([1, 2, 3].map((machine) => field.inside(machine, 'sh', '-c', line)));
  await onAll('touch /run/stopped/relay; pkill -x haproxy');
  try {
    expect(await project.run('deploy', 'web', '--tag', 'v3')).toMatchObject({ code: 5 });
    await finished(project.start('rollback', '--batch', 'all'));
    expect(await project.served()).toEqual(everywhere('v1'));
  } finally {
    const there = 'curl -fs -o /dev/null "http://127.0.0.1:$REGISTRY_PORT/v2/"';
    await onAll(`rm -f /run/stopped/relay; until ${there}; do sleep 0.1; done`);
  }
});

test('when the second of two services fails, both are as before', async () => {
  const project = await field.project();
  const api = { port: `${project.port + 1}:8080`, needs: ['web'] };
  await project.write({ web: {}, api });
  await finished(project.start('deploy'));
  await project.write({ web: { image: field.image('v2') }, api: { ...api, image: field.image('broken') } });
  expect(await project.run('deploy')).toMatchObject({ code: 6 });
  expect(await project.served()).toEqual(everywhere('v1'));
  expect(await project.served(1)).toEqual(everywhere('v1'));
});

test('a release command that fails leaves everything as it was, and its words are shown', async () => {
  const project = await deployed();
  await project.write({
    web: { image: field.image('v2'), release_command: 'migrate', env: { MIGRATE_EXIT: 4 } },
  });
  const { code, stderr } = await project.run('deploy');
  expect(code).toBe(1);
  expect(stderr).toContain('migrated, exit 4');
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a release command that succeeded before a later failure is named: it was not taken back', async () => {
  const project = await deployed();
  await project.write({ web: { image: field.image('broken'), release_command: 'migrate' } });
  const { code, stderr } = await project.run('deploy');
  expect(code).toBe(6);
  expect(stderr).toMatch(
    /(not|cannot be) undone[\s\S]*release command|release command[\s\S]*(not|cannot be) undone/i,
  );
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a changed host key is refused before anything is done', async () => {
  const project = await deployed();
  const { readFile, writeFile } = await import('node:fs/promises');
  const known = await readFile(field.knownHosts, 'utf8');
  const [first, second] = known.split('\n').filter((line) => line.trim() !== '');
  const [name] = (first ?? '').split(' ');
  const keyOfAnother = (second ?? '').split(' ').slice(1).join(' ');
  await writeFile(field.knownHosts, known.replace(first ?? '', `${name} ${keyOfAnother}`));
  try {
    const { code, stderr } = await project.run('deploy', 'web', '--tag', 'v2');
    expect(code).toBe(4);
    expect(stderr).toMatch(/sandbox-1.*host key|host key/i);
  } finally {
    await writeFile(field.knownHosts, known);
  }
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a secret reaches the container and is nowhere else', async () => {
  const planted = 'Zq8-planted-secret-4711';
  const project = await field.project({ DATABASE_URL: planted });
  const secrets = { secrets: ['DATABASE_URL'] };
  await project.write({ web: secrets });
  const first = await finished(project.start('deploy', '--json'));
  await project.write({ web: { ...secrets, image: field.image('exits'), command: ['web'] } });
  const failed = await project.run('deploy', 'web');
  expect(failed.code).toBe(6);
  const plan = await project.run('deploy', 'web', '--tag', 'v2', '--dry-run', '--json');
  const [container] = await field.inside(1, 'docker', 'ps', '-q').then((text) => text.split('\n'));
  const inspect = (format: string) => field.inside(1, 'docker', 'inspect', '-f', format, container ?? '');
  expect(await inspect('{{json .Config.Env}}')).toContain(planted);
  const { readdir, readFile } = await import('node:fs/promises');
  const runs = `${project.folder}/.oneclick/runs`;
  const journals = await Promise.all(
    (await readdir(runs)).map((name) => readFile(`${runs}/${name}`, 'utf8')),
  );
  expect(journals.length).toBeGreaterThan(0);
  const volumes = await field.inside(1, 'sh', '-c', 'docker volume inspect $(docker volume ls -q)');
  const said = [first, failed, plan].flatMap(({ stdout, stderr }) => [stdout, stderr]);
  for (const text of [...said, ...journals, await inspect('{{json .Config.Labels}}'), volumes]) {
    expect(text).not.toContain(planted);
  }
});

test('a container of somebody else on the port is named, and kept as release 0 when it is adopted', async () => {
  const project = await field.project();
  await project.write({ web: {} });
  const publish = `${project.port}:8080`;
  for (const machine of [1, 2, 3]) {
    await field.inside(machine, 'docker', 'run', '-d', '--name', 'sticky', '-p', publish, field.image('v3'));
  }
  const refused = await project.run('deploy');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('sticky');
  const names = (machine: number) =>
    field.inside(machine, 'docker', 'ps', '--filter', `publish=${project.port}`, '--format', '{{.Names}}');
  expect(await names(1)).toBe('sticky');
  await finished(project.start('deploy', '--adopt', 'sticky'));
  expect(await project.served()).toEqual(everywhere('v1'));
  await finished(project.start('rollback'));
  expect(await Promise.all([1, 2, 3].map(names))).toEqual(['sticky', 'sticky', 'sticky']);
});
