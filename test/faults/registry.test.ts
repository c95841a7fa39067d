import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { openSandbox, type Project, type Sandbox, succeeds } from '../integration/harness.js';
import { type BadRegistry, type Fault, startBadRegistry } from './bad-registry.js';
import { expectServes, injectFault } from './engine-rows.js';

jest.setTimeout(240_000);

let sandbox: Sandbox;
let registry: BadRegistry;

beforeAll(async () => {
  sandbox = await openSandbox('registry', 1);
  registry = await startBadRegistry(sandbox);
  pushLargeImage('big');
});
afterAll(async () => {
  await sandbox.clean();
  await registry.close();
  await sandbox.down();
});

/** Pushes an image with a unique layer of 4 MB. */
function pushLargeImage(tag: string): void {
  const image = sandbox.image(tag);
  const dockerfile = `FROM ${sandbox.image('v2')}\nRUN ["/bin/busybox", "dd", "if=/dev/urandom", "of=/layer", "bs=1M", "count=4"]\n`;
  execFileSync('docker', ['build', '--no-cache', '--tag', image, '-'], { input: dockerfile, stdio: 'pipe' });
  execFileSync('docker', ['push', image], { stdio: 'pipe' });
}

/** A project that runs v1 from the sandbox's registry. */
async function deployedProject(): Promise<Project> {
  const project = await sandbox.newProject();
  await project.write({ web: {} });
  await succeeds(project.start('deploy'));
  return project;
}

/** A project with an image of the bad registry, not yet deployed. */
async function projectWith(image: string, env: NodeJS.ProcessEnv = {}): Promise<Project> {
  const project = await sandbox.newProject(env);
  await project.write({ web: { image } });
  return project;
}

const respondWith =
  (code: number, headers: Record<string, string> = {}, body: object = {}): Fault =>
  (_, answer) => {
    answer.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    return true;
  };

/** Damages only the layer of 4 MB. */
const damageLayer =
  (damage: (body: Buffer) => { part: Buffer; ends: boolean }): Fault =>
  (incoming, answer, forward) => {
    if (!incoming.url?.includes('/blobs/') || incoming.method !== 'GET') return false;
    void forward().then(({ status: code, headers, body }) => {
      answer.writeHead(code, headers);
      const { part, ends } = body.length > 1e6 ? damage(body) : { part: body, ends: true };
      if (ends) answer.end(part);
      else answer.write(part);
    });
    return true;
  };

const corrupt = damageLayer((body) => {
  body.writeUInt8(body.readUInt8(body.length >> 1) ^ 1, body.length >> 1);
  return { part: body, ends: true };
});
const stall = damageLayer((body) => ({ part: body.subarray(0, body.length >> 1), ends: false }));

describe('a registry that', () => {
  const rows: readonly {
    readonly does: string;
    readonly fault: Fault;
    /** Replaces the address of the bad registry. */
    readonly name?: string;
    readonly tag?: string;
    readonly code: number;
    readonly prints: readonly RegExp[];
  }[] = [
    {
      does: 'hangs up',
      fault: (incoming) => incoming.socket.destroy() !== undefined,
      code: 5,
      prints: [/EOF|reset|refused/],
    },
    {
      does: 'does not listen',
      fault: () => false,
      name: '127.0.0.1:9',
      code: 5,
      prints: [/connection refused/],
    },
    {
      does: 'requires a login',
      fault: respondWith(401, { 'www-authenticate': 'Basic realm="bad"' }),
      code: 4,
      prints: [/docker login/],
    },
    {
      does: 'sends terminal escape sequences',
      fault: respondWith(
        403,
        {},
        { errors: [{ code: 'DENIED', message: '\u001b[2J\u001b]0;owned\u0007go away' }] },
      ),
      code: 4,
      prints: [/denied/, /go away/],
    },
    { does: 'answers 500', fault: respondWith(500), code: 1, prints: [/500/] },
    {
      does: 'answers 429',
      fault: respondWith(429),
      code: 4,
      prints: [/429|too ?many ?requests/i, /wait, or log in/],
    },
    {
      does: 'no longer accepts a login',
      fault: respondWith(
        403,
        {},
        {
          errors: [
            {
              code: 'DENIED',
              message: 'Your authorization token has expired. Reauthenticate and try again.',
            },
          ],
        },
      ),
      code: 4,
      prints: [/has expired/, /log in again: docker login/],
    },
    { does: 'serves a corrupt layer', fault: corrupt, tag: 'big', code: 1, prints: [/verification failed/] },
    {
      does: 'stalls within a layer',
      fault: stall,
      tag: 'big',
      code: 1,
      prints: [/no progress for 60 s/, /registry/],
    },
  ];
  let project: Project;
  beforeAll(async () => {
    project = await deployedProject();
  });
  afterAll(() => sandbox.clean());

  test.each(rows.map((row) => [row.does, row] as const))(
    '%s is named, and the running container is not touched',
    async (_, { fault, name = registry.name, tag = 'v2', code, prints }) => {
      await project.write({ web: { image: `${name}/sample:${tag}` } });
      registry.fault = fault;
      const answer = await project.run('deploy');
      const output = answer.stdout + answer.stderr;
      expect({ code: answer.code, output }).toMatchObject({ code });
      for (const words of [/sandbox-1/, ...prints]) expect(output).toMatch(words);
      expect(output).not.toMatch(/[^\P{Cc}\n\t]/u);
      await expectServes(sandbox, project, 'v1');
    },
  );
});

test('a rollback needs no registry', async () => {
  registry.fault = () => false;
  const project = await projectWith(`${registry.name}/sample:v1`);
  await succeeds(project.start('deploy'));
  await succeeds(project.start('deploy', 'web', '--tag', 'v2'));
  registry.fault = (incoming) => incoming.socket.destroy() !== undefined;
  await succeeds(project.start('rollback'));
  expect(await versions()).toEqual(['v1']);
  for (const words of [['restart'], ['stop', '--yes'], ['start']]) await succeeds(project.start(...words));
  expect(await versions()).toEqual(['v1']);
  const moved = await project.run('deploy', 'web', '--tag', 'v3');
  expect([moved.code, moved.stderr]).toEqual([5, expect.stringContaining('registry')]);
  expect(await versions()).toEqual(['v1']);
  await sandbox.clean();
});

describe('the password of a registry', () => {
  const password = 'Pw9-planted-4711';
  let folder: string;
  let processes: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oneclick-docker-'));
    const auth = Buffer.from(`somebody:${password}`).toString('base64');
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [registry.name]: { auth } } }));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  afterEach(() => sandbox.clean());

  /** Requires the password; records all processes at each request. */
  const requirePassword =
    (right: string): Fault =>
    (incoming, answer, forward) => {
      processes += execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
      const basic = `Basic ${Buffer.from(`somebody:${right}`).toString('base64')}`;
      if (incoming.headers.authorization === basic) return false;
      return respondWith(401, { 'www-authenticate': 'Basic realm="bad"' })(incoming, answer, forward);
    };

  test.each([
    ['a correct one allows the pull', password, 0],
    ['a wrong one fails with a hint to log in', 'another', 4],
  ])('appears in no argument, output or journal: %s', async (_, right, code) => {
    const project = await projectWith(`${registry.name}/sample:v2`, { DOCKER_CONFIG: folder });
    processes = '';
    registry.fault = requirePassword(right);
    const answer = await project.run('deploy');
    expect(answer).toMatchObject({ code });
    expect(processes).toContain('oneclick');
    const output = processes + answer.stdout + answer.stderr + (await journals(project));
    expect(output).not.toContain(password);
    expect(output).not.toContain(Buffer.from(`somebody:${password}`).toString('base64'));
    expect(await versions()).toEqual(code === 0 ? ['v2'] : []);
  });
});

test('the login of the host is used if this machine has none, and is printed nowhere', async () => {
  const password = 'Pw9-planted-4712';
  const auth = Buffer.from(`somebody:${password}`).toString('base64');
  const { user } = sandbox.environment.ssh;
  const home = `~${user}/.docker`;
  const config = JSON.stringify({ auths: { [registry.name]: { auth } } });
  await sandbox.inside(1, 'sh', '-c', `mkdir -p ${home} && echo '${config}' >${home}/config.json`);
  await sandbox.inside(1, 'sh', '-c', `chown -R ${user} ${home}`);
  try {
    const project = await projectWith(`${registry.name}/sample:v2`, { DOCKER_CONFIG: '/nonexistent' });
    registry.fault = (incoming, answer, forward) =>
      incoming.headers.authorization === `Basic ${auth}`
        ? false
        : respondWith(401, { 'www-authenticate': 'Basic realm="bad"' })(incoming, answer, forward);
    const answer = await project.run('deploy');
    expect(answer).toMatchObject({ code: 0 });
    expect(answer.stdout + answer.stderr + (await journals(project))).not.toContain(password);
    expect(await versions()).toEqual(['v2']);
  } finally {
    await sandbox.inside(1, 'sh', '-c', `rm -r ${home}`);
    await sandbox.clean();
  }
});

test('a tag that moves during a deploy has no effect: the digest from the start is deployed', async () => {
  registry.fault = () => false;
  push('v2', 'moving');
  const project = await projectWith(`${registry.name}/sample:moving`);
  // Pushed from the machine, which reaches the registry on loopback.
  const [from, to] = [sandbox.image('v3'), sandbox.image('moving')];
  await injectFault(sandbox, project, {
    ...{ recipe: 'deploy', step: 'image.pull' },
    line: () => `docker pull -q ${from} && docker tag ${from} ${to} && docker push -q ${to}`,
  });
  const answer = await project.run('deploy');
  expect(answer).toMatchObject({ code: 0 });
  expect(await versions()).toEqual(['v2']);
});

function push(tag: string, as: string): void {
  execFileSync('docker', ['tag', sandbox.image(tag), sandbox.image(as)]);
  execFileSync('docker', ['push', sandbox.image(as)], { stdio: 'pipe' });
}

/** Returns $VERSION of the running containers. */
async function versions(): Promise<readonly string[]> {
  const all =
    "for c in $(docker ps -q --filter label=oneclick.service); do docker exec $c sh -c 'echo $VERSION'; done";
  return (await sandbox.inside(1, 'sh', '-c', all)).split('\n').filter((line) => line !== '');
}

async function journals(project: Project): Promise<string> {
  const folder = join(project.folder, '.oneclick/runs');
  // A run that never started has no journal.
  const files = await readdir(folder).catch(() => []);
  return (await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))).join('');
}
