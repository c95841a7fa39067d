import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { finished, type Machines, machines, type Project } from './harness.js';

jest.setTimeout(300_000);

let field: Machines;

beforeAll(async () => {
  field = await machines('explain', 1);
});
afterAll(() => field.down());

const port = 8099;
const secrets = { TOKEN: `a'b"c $(id) \`id\` \\n\n\n  end\n`, OTHER_TOKEN: '-n %s ẞ \u{1f6a2}' };
const hostile = {
  PLAIN: 'v',
  QUOTES: `'"'"'\\"`,
  LINES: 'one\ntwo\r\n',
  UNSEEN: '\u001b[2J\u202e \u{1f600}\u200d',
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

/** A machine with nothing on it, and the project as if it had never been there. */
async function begin(): Promise<Project> {
  await field.wipe();
  const project = await field.project({ ONECLICK_ENV: 'one', ...secrets });
  await project.write(services, { environments: { one: field.some([1]) } });
  return project;
}

/** What a shell makes of the commands that the arguments are explained by. */
async function byHand(project: Project, ...argv: readonly string[]): Promise<void> {
  const { stdout } = await finished(project.start(...argv, '--explain'));
  for (const value of Object.values(secrets)) expect(stdout).not.toContain(value.slice(0, 6));
  const shell = spawn('sh', ['-e'], {
    ...{ cwd: project.folder, env: { ...process.env, ...secrets }, stdio: ['pipe', 'pipe', 'pipe'] },
  });
  let said = '';
  for (const stream of [shell.stdout, shell.stderr])
    stream.setEncoding('utf8').on('data', (text) => (said += text));
  shell.stdin.end(stdout);
  const code = await new Promise((resolve) => shell.on('close', resolve));
  expect({ code, said }).toEqual({ code: 0, said: expect.any(String) });
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

/** All that the machine has of the project, without what differs from run to run. */
async function made() {
  const inspected = async (line: string): Promise<unknown> =>
    JSON.parse(await field.inside(1, 'sh', '-c', line));
  const containers = z.array(Inspected).parse(await inspected('docker inspect $(docker ps -aq)'));
  const volumes = z.array(Volume).parse(await inspected('docker volume inspect $(docker volume ls -q)'));
  return {
    containers: containers.map(containerOf).sort(byName),
    volumes: volumes.map(({ Name, Labels }) => ({ name: Name, labels: lasting(Labels ?? {}) })).sort(byName),
    networks: await field.inside(
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
  // An entrypoint of several words becomes one, and a command: what runs is the same.
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
    // docker create has no order of its variables.
    ...{
      labels: lasting(Labels),
      env: (Env ?? []).sort(),
      mounts: Mounts.map((mount) => JSON.stringify(mount)).sort(),
    },
    ...{ config: said(config), host: said(HostConfig) },
    networks: Object.entries(rest.NetworkSettings.Networks).map(([name, { Aliases }]) => [
      name,
      Aliases?.filter(isNamed),
    ]),
  };
}

const withoutRun = (text: string) => text.replace(/-command-\w+$/, '-command-RUN');

/** Labels without the run that made them, and when. */
function lasting({
  'oneclick.run': _,
  'oneclick.step': step = '',
  ...labels
}: Readonly<Record<string, string>>) {
  const { 'oneclick.activation': line } = labels;
  const {
    run: __,
    at: ___,
    ...activation
  } = line === undefined ? {} : z.looseObject({}).parse(JSON.parse(line));
  return { ...labels, step: step.replace(/^\w+\//, ''), 'oneclick.activation': activation };
}

/** What an engine takes for unsaid, as JSON. */
const unsaid = new Set(['null', '""', '0', 'false', '-1', '[]', '{}']);

/** What was said; the order of lists is docker create's own. */
function said(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(record).filter(([, value]) => !unsaid.has(JSON.stringify(value)));
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map((item) => JSON.stringify(item)).sort() : value,
    ]),
  );
}

test('what the commands of a deploy make is what the deploy makes', async () => {
  await finished((await begin()).start('deploy'));
  const own = await made();
  expect(own.containers.map(({ name, state }) => `${name} ${state}`)).toEqual([
    '/explain-one-network running',
    '/explain-one-web-1 running',
    expect.stringMatching('/explain-one-web-1-command-RUN exited'),
    '/explain-one-worker-1 running',
  ]);
  await byHand(await begin(), 'deploy');
  expect(await made()).toEqual(own);
});

test('what was done by hand, oneclick goes on with, and the other way round', async () => {
  const project = await begin();
  const tags = async () =>
    (await field.inside(1, 'docker', 'ps', '--format', '{{.Label "oneclick.reference"}}')).match(/v\d/g);
  await byHand(project, 'deploy');
  const before = await field.inside(1, 'docker', 'ps', '-q');
  await finished(project.start('deploy'));
  expect(await field.inside(1, 'docker', 'ps', '-q')).toBe(before);
  await byHand(project, 'deploy', '--image', `web=${field.image('v2')}`);
  expect(await tags()).toEqual(expect.arrayContaining(['v2', 'v1']));
  await finished(project.start('rollback'));
  expect(await tags()).toEqual(['v1', 'v1']);
  await finished(project.start('deploy', 'web', '--tag', 'v3'));
  await byHand(project, 'rollback');
  expect(await tags()).toEqual(['v1', 'v1']);
  for (const verb of ['restart', 'stop', 'start']) await byHand(project, verb);
  expect(await tags()).toEqual(['v1', 'v1']);
  const { stdout } = await finished(project.start('status'));
  expect(stdout).toMatch(/^one: all 2 instances run their current release\n/);
});

test('commands that cannot be carried out are refused as the deploy is', async () => {
  const project = await begin();
  expect(await project.run('deploy', '--tag', 'missing', 'web', '--explain')).toMatchObject({
    code: 1,
    stdout: '',
  });
  expect(await project.run('deploy', '--build', '--explain')).toMatchObject({ code: 2 });
  const { stdout } = await finished(project.start('deploy', 'worker', '--explain', '--json'));
  expect(JSON.parse(stdout)).toMatchObject({ schema: 1, environment: 'one', recipe: 'deploy', setup: [] });
});
