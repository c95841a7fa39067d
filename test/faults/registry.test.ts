import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { finished, type Machines, machines, type Project } from '../integration/harness.js';
import { type BadRegistry, badRegistry, type Fault } from './bad-registry.js';
import { expectServes, meddle } from './engine-rows.js';

jest.setTimeout(240_000);

let field: Machines;
let registry: BadRegistry;

beforeAll(async () => {
  field = await machines('registry', 1);
  registry = await badRegistry(field);
  layered('big');
});
afterAll(async () => {
  await field.clean();
  await registry.close();
  await field.down();
});

/** Pushes an image with a layer that nothing else has. */
function layered(tag: string): void {
  const image = field.image(tag);
  const dockerfile = `FROM ${field.image('v2')}\nRUN ["/bin/busybox", "dd", "if=/dev/urandom", "of=/layer", "bs=1M", "count=4"]\n`;
  execFileSync('docker', ['build', '--no-cache', '--tag', image, '-'], { input: dockerfile, stdio: 'pipe' });
  execFileSync('docker', ['push', image], { stdio: 'pipe' });
}

/** A project that runs v1 of the sandbox's registry. */
async function running(): Promise<Project> {
  const project = await field.project();
  await project.write({ web: {} });
  await finished(project.start('deploy'));
  return project;
}

/** A project that is to run an image of the bad registry. */
async function wanting(image: string, env: NodeJS.ProcessEnv = {}): Promise<Project> {
  const project = await field.project(env);
  await project.write({ web: { image } });
  return project;
}

const status =
  (code: number, headers: Record<string, string> = {}, body: object = {}): Fault =>
  (_, answer) => {
    answer.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    return true;
  };

/** Only the layer of 4 MB is not what it should be. */
const inLayer =
  (spoil: (body: Buffer) => { part: Buffer; ends: boolean }): Fault =>
  (asked, answer, truly) => {
    if (!asked.url?.includes('/blobs/') || asked.method !== 'GET') return false;
    void truly().then(({ status: code, headers, body }) => {
      answer.writeHead(code, headers);
      const { part, ends } = body.length > 1e6 ? spoil(body) : { part: body, ends: true };
      if (ends) answer.end(part);
      else answer.write(part);
    });
    return true;
  };

const corrupt = inLayer((body) => {
  body.writeUInt8(body.readUInt8(body.length >> 1) ^ 1, body.length >> 1);
  return { part: body, ends: true };
});
const stalls = inLayer((body) => ({ part: body.subarray(0, body.length >> 1), ends: false }));

describe('a registry that', () => {
  const rows: readonly {
    readonly does: string;
    readonly fault: Fault;
    /** Where it is, if not where the bad one is. */
    readonly name?: string;
    readonly tag?: string;
    readonly code: number;
    readonly says: readonly RegExp[];
  }[] = [
    {
      does: 'hangs up',
      fault: (asked) => asked.socket.destroy() !== undefined,
      code: 5,
      says: [/EOF|reset|refused/],
    },
    {
      does: 'does not listen',
      fault: () => false,
      name: '127.0.0.1:9',
      code: 5,
      says: [/connection refused/],
    },
    {
      does: 'wants a login',
      fault: status(401, { 'www-authenticate': 'Basic realm="bad"' }),
      code: 4,
      says: [/docker login/],
    },
    {
      does: 'answers with what a terminal would obey',
      fault: status(
        403,
        {},
        { errors: [{ code: 'DENIED', message: '\u001b[2J\u001b]0;owned\u0007go away' }] },
      ),
      code: 4,
      says: [/denied/, /go away/],
    },
    { does: 'answers 500', fault: status(500), code: 1, says: [/500/] },
    { does: 'answers 429', fault: status(429), code: 1, says: [/429|too ?many ?requests/i] },
    { does: 'serves a corrupt layer', fault: corrupt, tag: 'big', code: 1, says: [/verification failed/] },
    {
      does: 'stalls in mid-layer',
      fault: stalls,
      tag: 'big',
      code: 1,
      says: [/no progress for 60 s/, /registry/],
    },
  ];
  let project: Project;
  beforeAll(async () => {
    project = await running();
  });
  afterAll(() => field.clean());

  test.each(rows.map((row) => [row.does, row] as const))(
    '%s is named, and what runs is not touched',
    async (_, { fault, name = registry.name, tag = 'v2', code, says }) => {
      await project.write({ web: { image: `${name}/sample:${tag}` } });
      registry.fault = fault;
      const answer = await project.run('deploy');
      const told = answer.stdout + answer.stderr;
      expect({ code: answer.code, told }).toMatchObject({ code });
      for (const words of [/sandbox-1/, ...says]) expect(told).toMatch(words);
      expect(told).not.toMatch(/[^\P{Cc}\n\t]/u);
      await expectServes(field, project, 'v1');
    },
  );
});

test('a rollback needs no registry', async () => {
  registry.fault = () => false;
  const project = await wanting(`${registry.name}/sample:v1`);
  await finished(project.start('deploy'));
  await finished(project.start('deploy', 'web', '--tag', 'v2'));
  registry.fault = (asked) => asked.socket.destroy() !== undefined;
  await finished(project.start('rollback'));
  expect(await versions()).toEqual(['v1']);
  await field.clean();
});

describe('the password of a registry', () => {
  const password = 'Pw9-planted-4711';
  let folder: string;
  let seen: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oneclick-docker-'));
    const auth = Buffer.from(`somebody:${password}`).toString('base64');
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [registry.name]: { auth } } }));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  afterEach(() => field.clean());

  /** Answers who knows the password; sees the processes of this machine and of those in it while it is asked. */
  const login =
    (right: string): Fault =>
    (asked, answer, truly) => {
      seen += execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
      const basic = `Basic ${Buffer.from(`somebody:${right}`).toString('base64')}`;
      if (asked.headers.authorization === basic) return false;
      return status(401, { 'www-authenticate': 'Basic realm="bad"' })(asked, answer, truly);
    };

  test.each([
    ['a right one lets the image in', password, 0],
    ['a wrong one is told to log in', 'another', 4],
  ])('is in no argument, output or journal: %s', async (_, right, code) => {
    const project = await wanting(`${registry.name}/sample:v2`, { DOCKER_CONFIG: folder });
    seen = '';
    registry.fault = login(right);
    const answer = await project.run('deploy');
    expect(answer).toMatchObject({ code });
    expect(seen).toContain('oneclick');
    const told = seen + answer.stdout + answer.stderr + (await journals(project));
    expect(told).not.toContain(password);
    expect(told).not.toContain(Buffer.from(`somebody:${password}`).toString('base64'));
    expect(await versions()).toEqual(code === 0 ? ['v2'] : []);
  });
});

test('a tag that moves during the deploy does not: the digest of its start is what runs', async () => {
  registry.fault = () => false;
  push('v2', 'moving');
  const project = await wanting(`${registry.name}/sample:moving`);
  // The machine pushes: its loopback leads to the registry too.
  const [from, to] = [field.image('v3'), field.image('moving')];
  await meddle(field, project, {
    ...{ recipe: 'deploy', step: 'image.pull' },
    line: () => `docker pull -q ${from} && docker tag ${from} ${to} && docker push -q ${to}`,
  });
  const answer = await project.run('deploy');
  expect(answer).toMatchObject({ code: 0 });
  expect(await versions()).toEqual(['v2']);
});

function push(tag: string, as: string): void {
  execFileSync('docker', ['tag', field.image(tag), field.image(as)]);
  execFileSync('docker', ['push', field.image(as)], { stdio: 'pipe' });
}

/** What the running containers of services are, by what they say themselves. */
async function versions(): Promise<readonly string[]> {
  const all =
    "for c in $(docker ps -q --filter label=oneclick.service); do docker exec $c sh -c 'echo $VERSION'; done";
  return (await field.inside(1, 'sh', '-c', all)).split('\n').filter((line) => line !== '');
}

async function journals(project: Project): Promise<string> {
  const folder = join(project.folder, '.oneclick/runs');
  // A run that never began has none.
  const files = await readdir(folder).catch(() => []);
  return (await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))).join('');
}
