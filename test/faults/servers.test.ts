import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { finished, type Machines, machines, type Project, waitFor } from '../integration/harness.js';

jest.setTimeout(600_000);

// Servers that nobody here wrote, with files of their own: their data outlives an update and the way back.

let field: Machines;

beforeAll(async () => {
  field = await machines('servers', 1);
  push('servers-1', [`FROM ${sandboxImage()}`, ...installed, 'RUN echo one >/var/www/html/index.html']);
  push('servers-2', [`FROM ${field.image('servers-1')}`, 'RUN echo two >/var/www/html/index.html']);
});
afterAll(async () => {
  await field.clean();
  await field.down();
});

const sandboxImage = () =>
  execFileSync('docker', ['images', '--quiet', 'oneclick-sandbox'], { encoding: 'utf8' }).split('\n')[0];

const installed = [
  'RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends ' +
    'nginx-light redis-server postgresql >/dev/null && rm -rf /var/lib/apt/lists/*',
  'RUN install -d -o redis -g redis /data/redis && install -d -o postgres -g postgres /data/postgres',
];

/** Builds an image of these lines and pushes it to the sandbox's registry. */
function push(tag: string, dockerfile: readonly (string | undefined)[]): void {
  const image = field.image(tag);
  execFileSync('docker', ['build', '--tag', image, '-'], { input: dockerfile.join('\n'), stdio: 'pipe' });
  execFileSync('docker', ['push', image], { stdio: 'pipe' });
}

/** postgres as its users run it: a cluster in a volume, made at the first start. */
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
      // SIGTERM would wait until every client has left.
      stop: { timeout: '20s', signal: 'SIGINT' },
    },
  };
}

/** A command in the running container of a service. */
async function within(service: string, ...argv: readonly string[]): Promise<string> {
  const id = await field.inside(1, 'docker', 'ps', '-q', '--filter', `label=oneclick.service=${service}`);
  return field.inside(1, 'docker', 'exec', id, ...argv);
}
const sql = (statement: string) =>
  within('db', 'psql', '-h', '127.0.0.1', '-U', 'postgres', '-Atc', statement);
const cached = (...words: readonly string[]) => within('cache', 'redis-cli', ...words);

/** What they keep is there, and the page is that of the version. */
async function expectKept(project: Project, page: string): Promise<void> {
  expect(await field.inside(1, 'curl', '-fs', `http://127.0.0.1:${project.port}/`)).toBe(page);
  expect(await cached('get', 'colour')).toBe('blue');
  expect(await sql('select name from ships order by name')).toBe('Endurance\nFram');
}

test('nginx, redis and postgres are deployed, updated and rolled back, and their data is still there', async () => {
  const project = await field.project();
  await project.write(services(project, field.image('servers-1')));
  await finished(project.start('deploy'));
  await cached('set', 'colour', 'blue');
  await sql('create table ships (name text)');
  await sql("insert into ships values ('Endurance'), ('Fram')");
  await expectKept(project, 'one');
  await project.write(services(project, field.image('servers-2')));
  await finished(project.start('deploy'));
  await expectKept(project, 'two');
  await sql("insert into ships values ('Gjøa')");
  await finished(project.start('rollback'));
  expect(await sql('select count(*) from ships')).toBe('3');
  await sql("delete from ships where name = 'Gjøa'");
  await expectKept(project, 'one');
  await field.inside(1, 'engine', 'restart');
  await waitFor(() =>
    expectKept(project, 'one').then(
      () => true,
      () => false,
    ),
  );
});
