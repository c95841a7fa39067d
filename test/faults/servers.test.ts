import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { machines, type Project, type Sandbox, succeeds, waitFor } from '../integration/harness.js';

jest.setTimeout(600_000);

// Third-party servers keep their data through an update and a rollback.

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await machines('servers', 1);
  push('servers-1', [`FROM ${sandboxImage()}`, ...installServers, 'RUN echo one >/var/www/html/index.html']);
  push('servers-2', [`FROM ${sandbox.image('servers-1')}`, 'RUN echo two >/var/www/html/index.html']);
});
afterAll(async () => {
  await sandbox.clean();
  await sandbox.down();
});

const sandboxImage = () =>
  execFileSync('docker', ['images', '--quiet', 'oneclick-sandbox'], { encoding: 'utf8' }).split('\n')[0];

const installServers = [
  'RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends ' +
    'nginx-light redis-server postgresql >/dev/null && rm -rf /var/lib/apt/lists/*',
  'RUN install -d -o redis -g redis /data/redis && install -d -o postgres -g postgres /data/postgres',
];

/** Builds an image from a Dockerfile and pushes it to the sandbox's registry. */
function push(tag: string, dockerfile: readonly (string | undefined)[]): void {
  const image = sandbox.image(tag);
  execFileSync('docker', ['build', '--tag', image, '-'], { input: dockerfile.join('\n'), stdio: 'pipe' });
  execFileSync('docker', ['push', image], { stdio: 'pipe' });
}

/** Creates the database cluster in the volume at the first start. */
const postgres = [
  'PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)',
  '[ -s /data/postgres/PG_VERSION ] || initdb --auth=trust --pgdata=/data/postgres',
  'exec postgres -D /data/postgres -c listen_addresses=* -c unix_socket_directories=/tmp',
].join('; ');

function services({ port }: Project, image: string): Record<string, object> {
  const health = { interval: '200ms', deadline: '60s' };
  return {
    web: {
      image,
      port: `${port}:80`,
      health: { ...health, path: '/' },
      command: ['nginx', '-g', 'daemon off;'],
    },
    cache: {
      ...{ image, port: `${port + 1}:6379`, health, user: 'redis', volumes: ['cache:/data/redis'] },
      command: ['redis-server', '--dir', '/data/redis', '--appendonly', 'yes', '--protected-mode', 'no'],
      stop: { timeout: '10s' },
    },
    db: {
      ...{ image, port: `${port + 2}:5432`, health, user: 'postgres', volumes: ['db:/data/postgres'] },
      command: ['/bin/sh', '-c', postgres],
      // SIGTERM waits until all clients disconnect.
      stop: { timeout: '20s', signal: 'SIGINT' },
    },
  };
}

/** Runs a command in the container of a service. */
async function execIn(service: string, ...argv: readonly string[]): Promise<string> {
  const id = await sandbox.inside(1, 'docker', 'ps', '-q', '--filter', `label=oneclick.service=${service}`);
  return sandbox.inside(1, 'docker', 'exec', id, ...argv);
}
const sql = (statement: string) =>
  execIn('db', 'psql', '-h', '127.0.0.1', '-U', 'postgres', '-Atc', statement);
const redis = (...args: readonly string[]) => execIn('cache', 'redis-cli', ...args);

/** Expects the data of redis and postgres, and this page. */
async function expectData(project: Project, page: string): Promise<void> {
  expect(await sandbox.inside(1, 'curl', '-fs', `http://127.0.0.1:${project.port}/`)).toBe(page);
  expect(await redis('get', 'colour')).toBe('blue');
  expect(await sql('select name from ships order by name')).toBe('Endurance\nFram');
}

test('nginx, redis and postgres are deployed, updated and rolled back, and keep their data', async () => {
  const project = await sandbox.newProject();
  await project.write(services(project, sandbox.image('servers-1')));
  await succeeds(project.start('deploy'));
  await redis('set', 'colour', 'blue');
  await sql('create table ships (name text)');
  await sql("insert into ships values ('Endurance'), ('Fram')");
  await expectData(project, 'one');
  await project.write(services(project, sandbox.image('servers-2')));
  await succeeds(project.start('deploy'));
  await expectData(project, 'two');
  await sql("insert into ships values ('Gjøa')");
  await succeeds(project.start('rollback'));
  expect(await sql('select count(*) from ships')).toBe('3');
  await sql("delete from ships where name = 'Gjøa'");
  await expectData(project, 'one');
  await sandbox.inside(1, 'engine', 'restart');
  await waitFor(() =>
    expectData(project, 'one').then(
      () => true,
      () => false,
    ),
  );
});
