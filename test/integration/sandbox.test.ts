import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { parse } from 'yaml';
import type { SandboxStatus } from '../../src/sandbox/sandbox.js';
import { connection, outputOf } from './login.js';

jest.setTimeout(300_000);

const root = join(import.meta.dirname, '../..');
const name = `test-${process.pid}`;
let home = '';

type Line =
  | { readonly type: 'progress'; readonly text: string }
  | ({ readonly type: 'result' } & SandboxStatus)
  | { readonly type: 'failure'; readonly code: string; readonly hint?: string; readonly exitCode: number };

/** Runs the sandbox program; `onLine` may interrupt it. */
function run(
  argv: readonly string[],
  {
    env = {},
    onLine,
  }: { env?: NodeJS.ProcessEnv; onLine?: (line: Line, interrupt: () => void) => void } = {},
): Promise<{ exitCode: number | null; lines: Line[]; last: Line | undefined }> {
  const child = spawn(process.execPath, [join(root, 'dist/sandbox/main.js'), ...argv, '--name', name], {
    env: { ...process.env, XDG_STATE_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Line[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const line = JSON.parse(part) as Line;
      lines.push(line);
      onLine?.(line, () => child.kill('SIGINT'));
    }
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, lines, last: lines.at(-1) }));
  });
}

async function result(...argv: string[]): Promise<SandboxStatus> {
  const { last } = await run(argv);
  if (last?.type !== 'result') throw new Error(`no result but ${JSON.stringify(last)}`);
  return last;
}

async function docker(...argv: string[]): Promise<string> {
  return (await promisify(execFile)('docker', argv)).stdout.trim();
}

const machine = (number: number) => `oneclick-${name}-sandbox-${number}`;

/** Docker objects with this sandbox's label or name. */
async function leftovers(): Promise<string[]> {
  const filters = [`label=oneclick.sandbox=${name}`, `name=oneclick-${name}`];
  const found = filters.flatMap((filter) => [
    docker('ps', '-aq', '--filter', filter),
    docker('network', 'ls', '-q', '--filter', filter),
    docker('volume', 'ls', '-q', '--filter', filter),
  ]);
  return (await Promise.all(found)).flatMap((text) => text.split('\n')).filter((line) => line !== '');
}

/** Runs `command` over SSH, verifying the host key; returns its output. */
async function login(sandbox: SandboxStatus, number: number, user: string, command: string): Promise<string> {
  const at = sandbox.machines[number - 1]?.address ?? '';
  const privateKey = await readFile(sandbox.key ?? '');
  const known = (await readFile(sandbox.knownHosts ?? '', 'utf8')).split('\n');
  const pinned = known.find((line) => line.split(/[ ,]/).includes(at))?.split(' ')[2];
  const hostVerifier = (key: Buffer) => key.toString('base64') === pinned;
  return outputOf(await connection({ host: at, username: user, privateKey, hostVerifier }), command);
}

let sandbox: SandboxStatus;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'oneclick-sandbox-test-'));
  sandbox = await result('up', '--machines', '2');
});

afterAll(async () => {
  await run(['down']);
  await rm(home, { recursive: true, force: true });
});

describe('sandbox up', () => {
  test('creates machines with logins for root, deploy and ops, each with its own engine', async () => {
    expect(sandbox).toMatchObject({ up: true, schema: 1, name });
    expect(sandbox.machines.map((it) => it.name)).toEqual(['sandbox-1', 'sandbox-2']);
    expect(await login(sandbox, 1, 'root', 'id -un; hostname')).toBe('root\nsandbox-1');
    expect(await login(sandbox, 1, 'ops', 'sudo -n id -un')).toBe('root');
    expect(await login(sandbox, 1, 'deploy', 'sudo -n id -un 2>/dev/null; echo no')).toBe('no');
    const engine = 'docker info --format {{.ID}}/{{.Driver}}';
    const engines = await Promise.all([1, 2].map((number) => login(sandbox, number, 'deploy', engine)));
    expect(new Set(engines).size).toBe(2);
    expect(engines[0]).not.toContain(await docker('info', '--format', '{{.ID}}'));
  });

  test('writes an environment with its machines', async () => {
    expect(sandbox.environment).toBe(join(home, 'oneclick/environments', `sandbox-${name}.yml`));
    expect(parse(await readFile(sandbox.environment ?? '', 'utf8'))).toMatchObject({
      hosts: { 'sandbox-1': { address: sandbox.machines[0]?.address, id: sandbox.machines[0]?.id } },
      ssh: { user: 'deploy', key: sandbox.key, known_hosts: sandbox.knownHosts },
      registry: sandbox.registry,
    });
  });

  test('creates a registry with references that are valid on every machine', async () => {
    const { stdout } = await promisify(execFile)(join(root, 'test/sample/build.sh'), [
      sandbox.registry ?? '',
      'v1',
    ]);
    const reference = stdout.trim();
    expect(reference).toBe(`${sandbox.registry}/sample:v1`);
    await docker('exec', machine(2), 'docker', 'run', '-d', '--name', 'web', '-p', '8080:8080', reference);
    const url = `http://${sandbox.machines[1]?.address}:8080/up`;
    const answer = await eventually(async () => (await fetch(url)).text());
    expect(answer).toBe('v1\n');
    await docker('exec', machine(2), 'docker', 'rm', '-f', 'web');
    await docker('rmi', reference);
  });

  test('changes nothing if everything runs', async () => {
    const started = () => docker('inspect', '-f', '{{.Id}} {{.State.StartedAt}}', machine(1), machine(2));
    const before = await started();
    const { exitCode, lines } = await run(['up']);
    expect(exitCode).toBe(0);
    expect(lines).toEqual([{ type: 'result', ...sandbox }]);
    expect(await started()).toBe(before);
  });

  test('starts a killed machine, and restarts one whose engine does not respond', async () => {
    await docker('kill', machine(1));
    await docker('exec', machine(2), 'engine', 'stop');
    const seen = await result('status');
    expect(seen.machines.map((it) => it.state)).toEqual(['stopped', 'unready']);
    expect(seen.up).toBe(false);
    expect(await result('up')).toEqual(sandbox);
    expect(await login(sandbox, 2, 'deploy', 'docker ps -q | wc -l')).toBe('0');
  });

  test('recreates a lost machine and a lost registry with the same address, ID and host key', async () => {
    const pinned = await readFile(sandbox.knownHosts ?? '', 'utf8');
    await docker('rm', '-f', machine(2), `oneclick-${name}-registry`);
    expect(await result('up')).toEqual(sandbox);
    expect(await readFile(sandbox.knownHosts ?? '', 'utf8')).toBe(pinned);
    expect(await login(sandbox, 2, 'deploy', `docker pull -q ${sandbox.registry}/sample:v1`)).toContain(
      'sample:v1',
    );
  });

  test('recreates lost files', async () => {
    await rm(join(home, 'oneclick'), { recursive: true });
    expect(await result('up')).toEqual(sandbox);
    expect(await login(sandbox, 1, 'deploy', 'id -un')).toBe('deploy');
  });

  test('adds machines and removes the last ones', async () => {
    expect((await result('up', '--machines', '3')).machines).toHaveLength(3);
    expect(await result('up', '--machines', '2')).toEqual(sandbox);
    expect(await docker('volume', 'ls', '-q', '--filter', `name=${machine(3)}`)).toBe('');
  });

  test('can be interrupted and repeated', async () => {
    const stopAtThird = (line: Line, interrupt: () => void) => {
      if (line.type === 'progress' && line.text.startsWith('sandbox-3')) interrupt();
    };
    const { exitCode, last } = await run(['up', '--machines', '3'], { onLine: stopAtThird });
    expect(last).toMatchObject({ type: 'failure', code: 'sandbox.interrupted', exitCode: 130 });
    expect(exitCode).toBe(130);
    expect((await result('up', '--machines', '3')).up).toBe(true);
    expect(await result('up', '--machines', '2')).toEqual(sandbox);
  });
});

// Not `unless-stopped`: Docker 20.10 stops leftover containers after a kill and counts that as a manual stop.
test('a killed engine restarts by itself with its containers', async () => {
  const inside = (...argv: string[]) => docker('exec', machine(1), ...argv);
  const reference = `${sandbox.registry}/sample:v1`;
  await inside('docker', 'run', '-d', '--name', 'kept', '--restart', 'always', reference);
  await inside('engine', 'kill');
  const state = await eventually(() => inside('docker', 'inspect', '-f', '{{.State.Running}}', 'kept'));
  expect(state).toBe('true');
  await inside('engine', 'restart');
  expect(await eventually(() => inside('docker', 'inspect', '-f', '{{.State.Running}}', 'kept'))).toBe(
    'true',
  );
});

test('down removes everything of the sandbox and nothing else, also if repeated', async () => {
  const foreign = `other-${name}`;
  const image = await docker('inspect', '-f', '{{.Config.Image}}', machine(1));
  await docker('network', 'create', foreign);
  await docker('volume', 'create', foreign);
  await docker(
    'run',
    '-d',
    '--name',
    foreign,
    '--network',
    foreign,
    '-v',
    `${foreign}:/data`,
    image,
    'sleep',
    '600',
  );
  await docker('network', 'connect', `oneclick-${name}`, foreign);
  try {
    const address = sandbox.machines[0]?.address;
    for (let times = 0; times < 2; times++) {
      expect(await result('down')).toEqual({
        ...{ type: 'result', schema: 1, name, up: false, machines: [] },
        ...{ registry: null, key: null, knownHosts: null, environment: null },
        ...{ endpoint: null, region: null, vpc: null, bastion: null, loadBalancers: [] },
        ...{ profile: null, seed: null },
      });
      expect(await leftovers()).toEqual([]);
    }
    await expect(stat(sandbox.key ?? '')).rejects.toThrow('ENOENT');
    expect(await readdir(join(home, 'oneclick/environments'))).toEqual([]);
    expect(await docker('inspect', '-f', '{{.State.Running}}', foreign)).toBe('true');
    expect(await docker('network', 'inspect', '-f', '{{.Name}}', foreign)).toBe(foreign);
    expect(await docker('volume', 'inspect', '-f', '{{.Name}}', foreign)).toBe(foreign);
    expect(address).toBeDefined();
  } finally {
    await docker('rm', '-f', foreign);
    await docker('network', 'rm', foreign);
    await docker('volume', 'rm', foreign);
  }
});

test('failures have a hint and an exit code', async () => {
  const nowhere = await run(['up'], { env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } });
  expect(nowhere.exitCode).toBe(5);
  expect(nowhere.last).toMatchObject({
    type: 'failure',
    code: 'docker.absent',
    hint: expect.stringContaining('DOCKER_HOST'),
  });
  const wrong = await run(['upp']);
  expect(wrong.exitCode).toBe(2);
  expect(wrong.last).toMatchObject({ type: 'failure', code: 'usage' });
});

/** Retries `attempt` for at most 20 s; returns its result. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}
