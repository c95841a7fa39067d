import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, expect, jest, test } from '@jest/globals';
import { machines, succeeds } from './harness.js';

jest.setTimeout(180_000);

const sandbox = await machines('compose');
afterEach(() => sandbox.clean());
afterAll(() => sandbox.down());

/** A Compose file with an anchor, a merge key, a variable, a dependency, an env file and a volume. */
const compose = (image: string, port: number) => `
name: forum
x-app: &app
  image: ${image}
  restart: unless-stopped
  environment: &settings
    LOG_LEVEL: \${LOG_LEVEL:-info}
services:
  web:
    <<: *app
    ports: ["${port}:8080"]
    environment: { <<: *settings, QUEUE: worker }
    depends_on: { worker: { condition: service_started } }
    healthcheck:
      test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8080/up"]
  worker:
    <<: *app
    command: ["worker"]
    env_file: worker.env
    volumes: ["jobs:/jobs"]
volumes:
  jobs:
`;

test('a Compose project is converted by init, deployed, and answers', async () => {
  const project = await sandbox.newProject();
  const write = (name: string, text: string) => writeFile(join(project.folder, name), text);
  await write('compose.yml', compose(sandbox.image('v1'), project.port));
  await write('worker.env', 'API_TOKEN=hunter2-hunter2\n');
  const { stdout } = await succeeds(project.start('init', '--from-compose', 'compose.yml'));
  expect(stdout).toContain('wrote oneclick.yml: 2 services (web, worker)');
  expect(stdout).not.toContain('hunter2');
  await write(`.env.sandbox-${sandbox.name}`, 'API_TOKEN=hunter2-hunter2\n');

  await succeeds(project.start('deploy', '--batch', 'all'));

  expect(await project.served()).toEqual([['v1'], ['v1'], ['v1']]);
  const get = (path: string) => sandbox.inside(2, 'curl', '-sf', `http://127.0.0.1:${project.port}${path}`);
  expect([await get('/up'), await get('/env/LOG_LEVEL'), await get('/env/QUEUE')]).toEqual([
    'v1',
    'info',
    'worker',
  ]);
  // A service with a volume runs on one host only.
  const format = '{{range .Mounts}}{{.Destination}} {{end}}{{json .Config.Env}}';
  const worker = `docker ps -q --filter label=oneclick.service=worker | xargs -r docker inspect --format '${format}'`;
  const workers = await Promise.all([1, 2, 3].map((machine) => sandbox.inside(machine, 'sh', '-c', worker)));
  expect(
    workers.map((line) => line.startsWith('/jobs ') && line.includes('API_TOKEN=hunter2-hunter2')),
  ).toEqual([true, false, false]);
});
