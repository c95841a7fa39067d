import { spawn } from 'node:child_process';
import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { openSandbox, type Project, type Sandbox, succeeds } from './harness.js';

jest.setTimeout(300_000);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox('explain', 1);
});
afterAll(() => sandbox.down());

const port = 8099;
const secrets = { TOKEN: `a'b"c $(id) \`id\` \\n\n\n  end\n`, OTHER_TOKEN: '-n %s ẞ \u{1f6a2}' };
const hostile = {
  PLAIN: 'v',
  QUOTES: `'"'"'\\"`,
  LINES: 'one\ntwo\r\n',
  INVISIBLE: '\u001b[2J\u202e \u{1f600}\u200d',
};

const services = {
  web: {
    port: `${port}:8080`,
    env: { ...hostile, EMPTY: '', DOLLARS: '$HOME $(id) `id` & ; | !1' },
    secrets: Object.keys(secrets),
    volumes: ['data:/data', '/tmp/a b:/mnt:ro'],
    ...{ memory: '64m', cpus: 0.5, restart: 'on-failure', user: '1000:1000' },
    stop: { timeout: '2s', signal: 'SIGINT' },
    release_command: { command: ['migrate'] },
    docker: {
      ...{ Hostname: 'shop', Labels: { 'my.label': hostile.QUOTES } },
      HostConfig: { Init: true, CapDrop: ['NET_RAW'], Tmpfs: { '/run': '' }, ExtraHosts: ['db:10.0.0.9'] },
    },
  },
  worker: {
    ...{ port: null, command: ['worker'], needs: ['web'] },
    health: { settle: '1s', deadline: '20s' },
    docker: {
      Entrypoint: ['/bin/sh', '-c', 'exec /bin/app "$0"'],
      Healthcheck: { Test: ['CMD-SHELL', '/bin/app healthy'], Interval: 1_000_000_000 },
    },
  },
};

/** Wipes the machine and creates a project. */
async function freshProject(): Promise<Project> {
  await sandbox.wipe();
  const project = await sandbox.newProject({ ONECLICK_ENV: 'one', ...secrets });
  await project.write(services, { environments: { one: sandbox.environmentOf([1]) } });
  return project;
}

/** Runs the commands printed by --explain in a shell. */
async function runExplained(project: Project, ...argv: readonly string[]): Promise<void> {
  const { stdout } = await succeeds(project.start(...argv, '--explain'));
  for (const value of Object.values(secrets)) expect(stdout).not.toContain(value.slice(0, 6));
  const shell = spawn('sh', ['-e'], {
    ...{ cwd: project.folder, env: { ...process.env, ...secrets }, stdio: ['pipe', 'pipe', 'pipe'] },
  });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  shell.stdin.end(stdout);
  const code = await new Promise((resolve) => shell.on('close', resolve));
  expect({ code, output }).toEqual({ code: 0, output: expect.any(String) });
}

const Labels = z.record(z.string(), z.string());
const Inspected = z.object({
  ...{
    Name: z.string(),
    Path: z.string(),
    Args: z.array(z.string()),
    State: z.object({ Status: z.string() }),
  },
  Mounts: z.array(
    z.object({ Type: z.string(), Source: z.string(), Destination: z.string(), RW: z.boolean() }),
  ),
  Config: z.looseObject({ Labels, Env: z.array(z.string()).nullable(), Hostname: z.string() }),
  HostConfig: z.record(z.string(), z.unknown()),
  NetworkSettings: z.object({
    Networks: z.record(z.string(), z.object({ Aliases: z.array(z.string()).nullable() })),
  }),
});
const Volume = z.object({ Name: z.string(), Labels: Labels.nullable() });

const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);

/** Containers, volumes and networks, without parts that differ between runs. */
async function projectState() {
  const inspected = async (line: string): Promise<unknown> =>
    JSON.parse(await sandbox.inside(1, 'sh', '-c', line));
  const containers = z.array(Inspected).parse(await inspected('docker inspect $(docker ps -aq)'));
  const volumes = z.array(Volume).parse(await inspected('docker volume inspect $(docker volume ls -q)'));
  return {
    containers: containers.map(containerOf).sort(byName),
    volumes: volumes
      .map(({ Name, Labels }) => ({ name: Name, labels: stableLabels(Labels ?? {}) }))
      .sort(byName),
    networks: await sandbox.inside(
      1,
      'docker',
      'network',
      'inspect',
      '-f',
      '{{.Driver}} {{json .Labels}}',
      'explain-one',
    ),
  };
}

function containerOf({
  Name,
  Path,
  Args,
  State,
  Mounts,
  Config,
  HostConfig,
  ...rest
}: z.infer<typeof Inspected>) {
  // `docker create` moves further entrypoint words to the command.
  const {
    Labels,
    Env,
    Hostname,
    Entrypoint: _,
    Cmd: __,
    AttachStdout: ___,
    AttachStderr: ____,
    ...config
  } = Config;
  const isNamed = (name: string) => !/^[0-9a-f]{12}$/.test(name);
  return {
    ...{
      name: withoutRun(Name),
      runs: [Path, ...Args],
      state: State.Status,
      hostname: isNamed(Hostname) && Hostname,
    },
    // `docker create` does not keep the order of variables.
    ...{
      labels: stableLabels(Labels),
      env: (Env ?? []).sort(),
      mounts: Mounts.map((mount) => JSON.stringify(mount)).sort(),
    },
    ...{ config: withoutDefaults(config), host: withoutDefaults(HostConfig) },
    networks: Object.entries(rest.NetworkSettings.Networks).map(([name, { Aliases }]) => [
      name,
      Aliases?.filter(isNamed),
    ]),
  };
}

const withoutRun = (text: string) => text.replace(/-command-\w+$/, '-command-RUN');

/** Labels without run and time. */
function stableLabels({
  'oneclick.run': _,
  'oneclick.step': step = '',
  ...labels
}: Readonly<Record<string, string>>) {
  const { 'oneclick.activation': line = '{}', 'oneclick.log-copy': copy } = labels;
  const lines = copy === undefined ? '[]' : inflateRawSync(Buffer.from(copy, 'base64url')).toString();
  return {
    ...{ ...labels, step: step.replace(/^\w+\//, '') },
    'oneclick.activation': stableLine(JSON.parse(line)),
    'oneclick.log-copy': z.array(z.unknown()).parse(JSON.parse(lines)).map(stableLine),
  };
}

function stableLine(line: unknown) {
  const { run: _, at: __, ...rest } = z.looseObject({}).parse(line);
  return rest;
}

/** JSON of values that an engine treats as unset. */
const defaultValues = new Set(['null', '""', '0', 'false', '-1', '[]', '{}']);

/** The values that were set; lists are sorted, because `docker create` reorders them. */
function withoutDefaults(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(record).filter(([, value]) => !defaultValues.has(JSON.stringify(value)));
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map((item) => JSON.stringify(item)).sort() : value,
    ]),
  );
}

test('the commands of deploy --explain have the same result as the deploy', async () => {
  await succeeds((await freshProject()).start('deploy'));
  const expected = await projectState();
  expect(expected.containers.map(({ name, state }) => `${name} ${state}`)).toEqual([
    '/explain-one-network running',
    '/explain-one-web-1 running',
    expect.stringMatching('/explain-one-web-1-command-RUN exited'),
    '/explain-one-worker-1 running',
  ]);
  await runExplained(await freshProject(), 'deploy');
  expect(await projectState()).toEqual(expected);
});

test('explained commands and oneclick can be used in turns', async () => {
  const project = await freshProject();
  const tags = async () =>
    (await sandbox.inside(1, 'docker', 'ps', '--format', '{{.Label "oneclick.reference"}}')).match(/v\d/g);
  await runExplained(project, 'deploy');
  const before = await sandbox.inside(1, 'docker', 'ps', '-q');
  await succeeds(project.start('deploy'));
  expect(await sandbox.inside(1, 'docker', 'ps', '-q')).toBe(before);
  await runExplained(project, 'deploy', '--image', `web=${sandbox.image('v2')}`);
  expect(await tags()).toEqual(expect.arrayContaining(['v2', 'v1']));
  await succeeds(project.start('rollback'));
  expect(await tags()).toEqual(['v1', 'v1']);
  await succeeds(project.start('deploy', 'web', '--tag', 'v3'));
  await runExplained(project, 'rollback');
  expect(await tags()).toEqual(['v1', 'v1']);
  for (const verb of ['restart', 'stop', 'start']) await runExplained(project, verb);
  expect(await tags()).toEqual(['v1', 'v1']);
  const { stdout } = await succeeds(project.start('status'));
  expect(stdout).toMatch(/^one: all 2 instances run their current release\n/);
});

test('--explain fails for the same reasons as the deploy', async () => {
  const project = await freshProject();
  expect(await project.run('deploy', '--tag', 'missing', 'web', '--explain')).toMatchObject({
    code: 1,
    stdout: '',
  });
  expect(await project.run('deploy', '--build', '--explain')).toMatchObject({ code: 2 });
  const { stdout } = await succeeds(project.start('deploy', 'worker', '--explain', '--json'));
  expect(JSON.parse(stdout)).toMatchObject({ schema: 1, environment: 'one', recipe: 'deploy', setup: [] });
});
