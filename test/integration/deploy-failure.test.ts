import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { openSandbox, type Project, type Sandbox, succeeds, waitFor } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('failure');
});
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

const everywhere = (tag: string) => [[tag], [tag], [tag]];

/** A project that runs v1 on all hosts. */
async function deployed(services: Readonly<Record<string, object>> = { web: {} }): Promise<Project> {
  const project = await sandbox.newProject();
  await project.write(services);
  await succeeds(project.start('deploy', '--batch', 'all'));
  return project;
}

/** v2 answers 500 on the second machine only. */
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

test('a release that answers 500 is undone in the first batch, and the report shows why', async () => {
  const project = await deployed();
  const { code, stderr } = await project.run('deploy', 'web', '--tag', 'broken', '--batch', '1');
  expect(code).toBe(6);
  expect(stderr).toContain('sandbox-1');
  expect(stderr).toContain('500');
  expect(stderr).toContain('sample broken: listening on port 8080');
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a release that exits at once is undone, and its last log lines are shown', async () => {
  const project = await deployed();
  const { code, stderr } = await project.run('deploy', 'web', '--tag', 'exits', '--batch', 'all');
  expect(code).toBe(6);
  expect(stderr).toContain('cannot go on: told to exit');
  expect(await project.served()).toEqual(everywhere('v1'));
  const failed = async () => (await project.containers(1)).filter((line) => line.includes('-failed-'));
  const [, run = ''] = /-failed-(\S+) exited$/.exec((await failed())[0] ?? '') ?? [];
  expect((await succeeds(project.start('status'))).stdout).toContain(`oneclick logs --run ${run}`);
  expect((await succeeds(project.start('logs', '--run', run))).stdout).toContain(
    'cannot go on: told to exit',
  );
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all'));
  expect(await failed()).toEqual([]);
});

test('a log driver that Docker cannot read is named on the card and by logs, once per container', async () => {
  const docker = { HostConfig: { LogConfig: { Type: 'none' } } };
  const project = await deployed({ web: { docker } });
  const { code, stderr } = await project.run('deploy', 'web', '--tag', 'exits', '--batch', 'all');
  expect(code).toBe(6);
  expect(stderr).toMatch(/keeps no log: its log driver is "none"/);
  const followed = await project.run('logs', '--follow');
  expect(followed.code).toBe(1);
  const lines = followed.stderr.split('\n').filter((line) => line.includes('"none"'));
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line).toMatch(/^sandbox-[123]: .*web-1 keeps no log.*LogConfig/);
  expect(followed.stderr).not.toMatch(/[0-9a-f]{64}/);
});

/** Answers one request, then exits with 9. */
const answersOnce = {
  docker: {
    Entrypoint: [
      '/bin/sh',
      '-c',
      `[ "$VERSION" = v1 ] && exec /bin/app; printf 'HTTP/1.0 200 OK\\r\\n\\r\\nonce' | nc -l -p 8080; exit 9`,
    ],
  },
};

test('a release that dies right after its first response is undone, and the report says how long nothing answered', async () => {
  const project = await deployed({ web: answersOnce });
  for (const _ of [1, 2]) {
    const { code, stderr } = await project.run('deploy', 'web', '--tag', 'v2', '--batch', '1');
    expect({ code, stderr }).toMatchObject({ code: 6 });
    expect(stderr).toMatch(/(exited with code|exit code) 9/);
    expect(stderr).toMatch(/^ {2}down {3}web for (up to )?[\d.]+m?s on (sandbox-1$|\d hosts)/m);
  }
  expect(await project.served()).toEqual(everywhere('v1'));
  await succeeds(project.start('status'));
});

test('a release that crashes after the deploy needs attention, with count and exit code', async () => {
  const web = { docker: { Entrypoint: ['/bin/sh', '-c', '/bin/app & sleep 8; exit 3'] } };
  const project = await deployed({ web });
  let status = await project.run('status');
  await waitFor(async () => {
    status = await project.run('status');
    return status.code !== 0;
  });
  expect(status.code).toBe(8);
  expect(status.stdout).toMatch(/keeps crashing: \d+ restarts?, exited with\s+code\s+3/);
});

test('a release that fails only on the second machine is also undone on the first', async () => {
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
  await succeeds(project.start('deploy', 'web', '--tag', 'v2'));
  expect(await project.served()).toEqual(everywhere('v2'));
  await succeeds(project.start('rollback'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a release that fails after `docker system prune --volumes` is undone, and the releases are still known', async () => {
  const project = await deployed();
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all'));
  const prune = ['docker', 'system', 'prune', '--volumes', '--force'];
  await Promise.all([1, 2, 3].map((machine) => sandbox.inside(machine, ...prune)));
  expect(await project.run('deploy', 'web', '--tag', 'broken', '--batch', 'all')).toMatchObject({ code: 6 });
  expect(await project.served()).toEqual(everywhere('v2'));
  await succeeds(project.start('rollback', '--batch', 'all'));
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a rollback works without the registry; a deploy does not', async () => {
  const project = await deployed();
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--batch', 'all'));
  const runOnAll = (line: string) =>
    Promise.all([1, 2, 3].map((machine) => sandbox.inside(machine, 'sh', '-c', line)));
  await runOnAll('touch /run/stopped/relay; pkill -x haproxy');
  try {
    expect(await project.run('deploy', 'web', '--tag', 'v3')).toMatchObject({ code: 5 });
    await succeeds(project.start('rollback', '--batch', 'all'));
    expect(await project.served()).toEqual(everywhere('v1'));
  } finally {
    const registryAnswers = 'curl -fs -o /dev/null "http://127.0.0.1:$REGISTRY_PORT/v2/"';
    await runOnAll(`rm -f /run/stopped/relay; until ${registryAnswers}; do sleep 0.1; done`);
  }
});

test('both services are undone when the second fails', async () => {
  const project = await sandbox.newProject();
  const api = { port: `${project.port + 1}:8080`, needs: ['web'] };
  await project.write({ web: {}, api });
  await succeeds(project.start('deploy'));
  await project.write({
    web: { image: sandbox.image('v2') },
    api: { ...api, image: sandbox.image('broken') },
  });
  expect(await project.run('deploy')).toMatchObject({ code: 6 });
  expect(await project.served()).toEqual(everywhere('v1'));
  expect(await project.served(1)).toEqual(everywhere('v1'));
});

test('a failed release command changes nothing, and its output is shown', async () => {
  const project = await deployed();
  await project.write({
    web: { image: sandbox.image('v2'), release_command: 'migrate', env: { MIGRATE_EXIT: 4 } },
  });
  const { code, stderr } = await project.run('deploy');
  expect(code).toBe(1);
  expect(stderr).toContain('migrated, exit 4');
  const [, run = ''] = /oneclick logs --run (\S+)/.exec(stderr) ?? [];
  const logs = async () => (await succeeds(project.start('logs', '--run', run))).stdout;
  expect(await logs()).toContain('migrated, exit 4');
  // The lines that the journal keeps.
  const [command = ''] = (await project.containers(1)).filter((line) => line.includes('-command-'));
  await sandbox.inside(1, 'docker', 'rm', command.split(' ')[0] ?? '');
  expect(await logs()).toContain('migrated, exit 4');
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a release command that succeeded before a failure is reported as not undone', async () => {
  const project = await deployed();
  await project.write({ web: { image: sandbox.image('broken'), release_command: 'migrate' } });
  const { code, stderr } = await project.run('deploy');
  expect(code).toBe(6);
  expect(stderr).toMatch(
    /(not|cannot be) undone[\s\S]*release command|release command[\s\S]*(not|cannot be) undone/i,
  );
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a changed host key is refused before anything changes', async () => {
  const project = await deployed();
  const { readFile, writeFile } = await import('node:fs/promises');
  const known = await readFile(sandbox.knownHosts, 'utf8');
  const [first, second] = known.split('\n').filter((line) => line.trim() !== '');
  const [name] = (first ?? '').split(' ');
  const otherKey = (second ?? '').split(' ').slice(1).join(' ');
  await writeFile(sandbox.knownHosts, known.replace(first ?? '', `${name} ${otherKey}`));
  try {
    const { code, stderr } = await project.run('deploy', 'web', '--tag', 'v2');
    expect(code).toBe(4);
    expect(stderr).toMatch(/sandbox-1.*host key|host key/i);
  } finally {
    await writeFile(sandbox.knownHosts, known);
  }
  expect(await project.served()).toEqual(everywhere('v1'));
});

test('a secret reaches the container, and no output, journal, label or volume', async () => {
  const secret = 'Zq8-planted-secret-4711';
  const project = await sandbox.newProject({ DATABASE_URL: secret });
  const secrets = { secrets: ['DATABASE_URL'] };
  await project.write({ web: secrets });
  const first = await succeeds(project.start('deploy', '--json'));
  await project.write({ web: { ...secrets, image: sandbox.image('exits'), command: ['web'] } });
  const failed = await project.run('deploy', 'web');
  expect(failed.code).toBe(6);
  const plan = await project.run('deploy', 'web', '--tag', 'v2', '--dry-run', '--json');
  const [container] = await sandbox.inside(1, 'docker', 'ps', '-q').then((text) => text.split('\n'));
  const inspect = (format: string) => sandbox.inside(1, 'docker', 'inspect', '-f', format, container ?? '');
  expect(await inspect('{{json .Config.Env}}')).toContain(secret);
  const { readdir, readFile } = await import('node:fs/promises');
  const runs = `${project.folder}/.oneclick/runs`;
  const journals = await Promise.all(
    (await readdir(runs)).map((name) => readFile(`${runs}/${name}`, 'utf8')),
  );
  expect(journals.length).toBeGreaterThan(0);
  const volumes = await sandbox.inside(1, 'sh', '-c', 'docker volume inspect $(docker volume ls -q)');
  const output = [first, failed, plan].flatMap(({ stdout, stderr }) => [stdout, stderr]);
  for (const text of [...output, ...journals, await inspect('{{json .Config.Labels}}'), volumes]) {
    expect(text).not.toContain(secret);
  }
});

test('a foreign container on the port is named, and becomes release 0 when adopted', async () => {
  const project = await sandbox.newProject();
  await project.write({ web: {} });
  const publish = `${project.port}:8080`;
  for (const machine of [1, 2, 3]) {
    await sandbox.inside(
      machine,
      'docker',
      'run',
      '-d',
      '--name',
      'sticky',
      '-p',
      publish,
      sandbox.image('v3'),
    );
  }
  const refused = await project.run('deploy');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('sticky');
  const names = (machine: number) =>
    sandbox.inside(machine, 'docker', 'ps', '--filter', `publish=${project.port}`, '--format', '{{.Names}}');
  expect(await names(1)).toBe('sticky');
  await succeeds(project.start('deploy', '--adopt', 'sticky'));
  expect(await project.served()).toEqual(everywhere('v1'));
  await succeeds(project.start('rollback'));
  expect(await Promise.all([1, 2, 3].map(names))).toEqual(['sticky', 'sticky', 'sticky']);
});
