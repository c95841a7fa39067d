import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { sharedEnvironment } from './shared-environment.js';

const root = join(import.meta.dirname, '../..');
const exec = promisify(execFile);

/** What the binary answered. */
export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The binary while it runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly answer: Promise<Answer>;
  /** Resolves when what was printed until now matches; throws when the program ends without. */
  prints(text: RegExp): Promise<void>;
}

/** A folder with a oneclick.yml of its own: a name that no other project there has, and a port that no other test has. */
export interface Project {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  /** What its commands are started with. */
  readonly env: NodeJS.ProcessEnv;
  /** Writes oneclick.yml; the keys of a service are on top of {@link web}. */
  write(services: Readonly<Record<string, object>>, rest?: object): Promise<void>;
  /** Without `--env` the arguments go to the sandbox's own environment. */
  start(...argv: readonly string[]): Running;
  run(...argv: readonly string[]): Promise<Answer>;
  /** The tags of the running containers that publish the port (or one above it) on a machine, as its engine says. */
  serving(machine: number, above?: number): Promise<readonly string[]>;
  /** What every machine serves, in their order. */
  served(above?: number): Promise<readonly (readonly string[])[]>;
  /** Names and states of all containers of this project on a machine. */
  containers(machine: number): Promise<readonly string[]>;
}

/** Real machines with images v1, v2, v3, `broken` (answers 500) and `exits`. */
export interface Machines {
  /** The name of the sandbox. */
  readonly sandbox: string;
  readonly registry: string;
  /** `binary` is another installation of oneclick than the one of this folder. */
  project(env?: NodeJS.ProcessEnv, binary?: string): Promise<Project>;
  /** The container of a machine, for `docker exec`. */
  container(machine: number): string;
  /** A command inside a machine. */
  inside(machine: number, ...argv: readonly string[]): Promise<string>;
  image(tag: string): string;
  /** Has another version in the registry; its tag is its name. */
  publish(tag: string): Promise<void>;
  /** The hosts and the ssh settings of the sandbox's environment. */
  readonly environment: z.infer<typeof Environment>;
  /** An environment of some of the machines; `ssh` on top of the sandbox's own settings. */
  some(machines: readonly number[], ssh?: object): z.infer<typeof Environment>;
  /** Files of the sandbox's environment. */
  readonly knownHosts: string;
  /** Removes what the projects of this test left, but not what keeps their network up: the next test has the same one. */
  clean(): Promise<void>;
  /** Removes everything from the machines but their images. */
  wipe(): Promise<void>;
  down(): Promise<void>;
}

const Status = z.object({ registry: z.string(), knownHosts: z.string(), environment: z.string() });
const Environment = z.object({
  hosts: z.record(z.string(), z.object({ address: z.string(), port: z.number(), id: z.string() })),
  ssh: z.object({ user: z.string(), key: z.string(), known_hosts: z.string() }),
});
/** How many machines the tests share. */
const common = 3;

/**
 * The sandbox that the test files of this worker share; one of this file alone where there is none, or another number of
 * machines is asked for.
 */
async function place(
  file: string,
  count: number,
): Promise<{ sandbox: string; state: string; shared: boolean }> {
  const shared = sharedEnvironment();
  if (shared === undefined || count !== common)
    return {
      ...{ sandbox: `${file}-${process.pid}`, shared: false },
      state: await mkdtemp(join(tmpdir(), 'oneclick-state-')),
    };
  const sandbox = basename(shared, '.yml').replace('sandbox-', '');
  return { sandbox, state: join(dirname(shared), '../..'), shared: true };
}

/** Brings up machines for one test file; those that are there already are taken as they are. */
export async function machines(file: string, count = common): Promise<Machines> {
  const all = Array.from({ length: count }, (_, index) => index + 1);
  const { sandbox, state, shared } = await place(file, count);
  const env = { ...process.env, XDG_STATE_HOME: state, CI: '', GITHUB_ACTIONS: '' };
  await finished(start(['sandbox', 'up', '--name', sandbox, '--machines', `${count}`], state, env));
  const { stdout } = await finished(start(['sandbox', 'status', '--name', sandbox, '--json'], state, env));
  const status = Status.parse(parse(stdout));
  const environment = Environment.parse(parse(await readFile(status.environment, 'utf8')));
  for (const tag of ['v1', 'v2', 'v3']) await build(status.registry, tag);
  await build(status.registry, 'broken', '500');
  await build(status.registry, 'exits', 'exit');

  const container = (machine: number) => `oneclick-${sandbox}-sandbox-${machine}`;
  const inside = async (machine: number, ...argv: readonly string[]) =>
    (await exec('docker', ['exec', container(machine), ...argv])).stdout.trim();
  const lines = async (machine: number, ...argv: readonly string[]) =>
    (await inside(machine, 'docker', ...argv)).split('\n').filter((line) => line !== '');
  let made = 0;
  const folders: string[] = [];
  const started: ChildProcess[] = [];

  const project = async (extra: NodeJS.ProcessEnv = {}, binary?: string): Promise<Project> => {
    made += 1;
    const name = folders.length === 0 ? file : `${file}-${made}`;
    const port = 8100 + 10 * made;
    const folder = join(await mkdtemp(join(tmpdir(), 'oneclick-project-')), name);
    folders.push(join(folder, '..'));
    await mkdir(folder);
    const own = { ...env, ONECLICK_ENV: `sandbox-${sandbox}`, ...extra };
    const begin = (...argv: readonly string[]) => {
      const running = start(argv, folder, own, binary);
      started.push(running.child);
      return running;
    };
    const serving = (machine: number, above = 0) =>
      lines(
        machine,
        'ps',
        '--filter',
        `publish=${port + above}`,
        '--format',
        '{{.Label "oneclick.reference"}}',
      ).then((references) =>
        references.map((reference) => reference.replace(`${status.registry}/sample:`, '')),
      );
    return {
      ...{ name, folder, port, serving, env: own },
      write: (services, rest = {}) =>
        writeFile(
          join(folder, 'oneclick.yml'),
          stringify({
            project: name,
            services: Object.fromEntries(
              Object.entries(services).map(([service, keys]) => [
                service,
                { ...web(`${status.registry}/sample:v1`, port), ...keys },
              ]),
            ),
            ...rest,
          }),
        ),
      start: begin,
      run: (...argv) => begin(...argv).answer,
      served: (above) => Promise.all(all.map((machine) => serving(machine, above))),
      containers: (machine) =>
        lines(
          machine,
          ...[
            'ps',
            '-a',
            '--filter',
            `label=oneclick.project=${name}`,
            '--filter',
            'label=oneclick.service',
            '--format',
            '{{.Names}} {{.State}}',
          ],
        ),
    };
  };

  const remove = async (containers: string) => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    await Promise.all(all.map((machine) => inside(machine, 'sh', '-c', removal(containers))));
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  };
  const [clean, wipe] = [() => remove(ofServices), () => remove('docker ps -aq')];
  await wipe();

  return {
    ...{ sandbox, registry: status.registry, knownHosts: status.knownHosts, environment },
    ...{ project, container, inside, clean, wipe },
    image: (tag) => `${status.registry}/sample:${tag}`,
    publish: (tag) => build(status.registry, tag),
    some: (chosen, ssh = {}) => ({
      hosts: Object.fromEntries(
        Object.entries(environment.hosts).filter((_, index) => chosen.includes(index + 1)),
      ),
      ssh: { ...environment.ssh, ...ssh },
    }),
    down: async () => {
      if (shared) return;
      await start(['sandbox', 'down', '--name', sandbox], state, env).answer;
      await rm(state, { recursive: true, force: true });
    },
  };
}

/** All containers but those that keep a network up. */
const ofServices = `docker ps -a --format '{{.ID}} {{.Label "oneclick.role"}}' | grep -v ' network$' | cut -d ' ' -f 1`;

/** Leaves a machine's engine with its images and the containers that are not named, and /tmp with nothing. */
const removal = (containers: string) => `
${containers} | xargs -r docker rm -f >/dev/null
docker volume ls -q | xargs -r docker volume rm -f >/dev/null
docker network prune -f >/dev/null
rm -rf /tmp/* /tmp/.[!.]*
`;

/** A web service that fails soon when it fails. */
function web(image: string, port: number): object {
  return {
    image,
    port: `${port}:8080`,
    health: { path: '/up', interval: '100ms', settle: '0s', timeout: '1s', deadline: '4s' },
    stop: { timeout: '2s' },
  };
}

/** A service whose versions after v1 answer only after some seconds, so that a swap can be met half-way. */
export function slow(seconds: number): object {
  return {
    health: { path: '/up', interval: '100ms', timeout: '1s', deadline: '30s' },
    docker: { Entrypoint: ['/bin/sh', '-c', `[ "$VERSION" = v1 ] || sleep ${seconds}; exec /bin/app`] },
  };
}

function start(
  argv: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  binary = join(root, 'bin/oneclick'),
): Running {
  const child = spawn(process.execPath, [binary, ...argv], {
    ...{ cwd, env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr, ended] = ['', '', false];
  const watchers = new Set<() => void>();
  const tell = () => {
    for (const watch of watchers) watch();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    tell();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    tell();
  });
  const answer = new Promise<Answer>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      ended = true;
      tell();
      resolve({ code, stdout, stderr });
    });
  });
  const prints = (text: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const watch = () => {
        if (text.test(stdout + stderr)) resolve();
        else if (ended) reject(new Error(`it ended without ${text}:\n${stdout}\n${stderr}`));
        else return;
        watchers.delete(watch);
      };
      watchers.add(watch);
      watch();
    });
  return { child, answer, prints };
}

/** The answer of a command that must succeed. */
export async function finished(running: Running): Promise<Answer> {
  const answer = await running.answer;
  if (answer.code !== 0) throw new Error(`exit ${answer.code}\n${answer.stdout}\n${answer.stderr}`);
  return answer;
}

/** Pushes a version of the sample application, unless an earlier test file has. */
async function build(registry: string, tag: string, broken = ''): Promise<void> {
  const there = await fetch(`http://${registry}/v2/sample/manifests/${tag}`, {
    method: 'HEAD',
    headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
  });
  if (there.ok) return;
  await exec(join(root, 'test/sample/build.sh'), [registry, tag], {
    env: { ...process.env, BROKEN: broken },
  });
}

/** Asks again, ten times a second, until it holds; throws what was asked after `deadline` ms. */
export async function waitFor(condition: () => Promise<boolean>, deadline = 60_000): Promise<void> {
  const end = performance.now() + deadline;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${deadline} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
