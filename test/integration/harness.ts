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

/** The result of a command. */
export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly result: Promise<Result>;
  /** Resolves once the output matches; rejects if the command exits first. */
  prints(text: RegExp): Promise<void>;
}

/** A folder with a oneclick.yml, and a unique project name and port. */
export interface Project {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  /** The environment variables of its commands. */
  readonly env: NodeJS.ProcessEnv;
  /** Writes oneclick.yml; the keys of a service override {@link webService}. */
  write(services: Readonly<Record<string, object>>, rest?: object): Promise<void>;
  /** Starts a command; the default environment is that of the sandbox. */
  start(...argv: readonly string[]): RunningCommand;
  run(...argv: readonly string[]): Promise<Result>;
  /** The tags of running containers on a machine that publish the port, plus `above`. */
  serving(machine: number, above?: number): Promise<readonly string[]>;
  /** The result of {@link serving} for each machine. */
  served(above?: number): Promise<readonly (readonly string[])[]>;
  /** Names and states of the containers of this project's services on a machine. */
  containers(machine: number): Promise<readonly string[]>;
}

/** Machines, and a registry with images v1, v2, v3, `broken` (answers 500) and `exits`. */
export interface Sandbox {
  /** The name of the sandbox. */
  readonly name: string;
  readonly registry: string;
  /** Creates a project; `binary` replaces the oneclick of this repository. */
  newProject(env?: NodeJS.ProcessEnv, binary?: string): Promise<Project>;
  /** The container of a machine, for `docker exec`. */
  container(machine: number): string;
  /** Runs a command on a machine and returns its output. */
  inside(machine: number, ...argv: readonly string[]): Promise<string>;
  image(tag: string): string;
  /** Pushes another version under this tag. */
  publish(tag: string): Promise<void>;
  /** The hosts and the ssh settings of the sandbox's environment. */
  readonly environment: z.infer<typeof Environment>;
  /** An environment with these machines; `ssh` overrides settings of the sandbox. */
  environmentOf(openSandbox: readonly number[], ssh?: object): z.infer<typeof Environment>;
  /** The known_hosts file of the sandbox. */
  readonly knownHosts: string;
  /** Removes everything that projects created, except the network, which the next test uses again. */
  clean(): Promise<void>;
  /** Removes everything from the machines except images. */
  wipe(): Promise<void>;
  down(): Promise<void>;
}

const Status = z.object({ registry: z.string(), knownHosts: z.string(), environment: z.string() });
const Environment = z.object({
  hosts: z.record(z.string(), z.object({ address: z.string(), port: z.number(), id: z.string() })),
  ssh: z.object({ user: z.string(), key: z.string(), known_hosts: z.string() }),
});
/** The number of machines in a shared sandbox. */
const sharedMachines = 3;

/** The sandbox that this worker shares; a new one if there is none, or the test needs another number of machines. */
async function chooseSandbox(
  file: string,
  count: number,
): Promise<{ sandbox: string; state: string; shared: boolean }> {
  const shared = sharedEnvironment();
  if (shared === undefined || count !== sharedMachines)
    return {
      ...{ sandbox: `${file}-${process.pid}`, shared: false },
      state: await mkdtemp(join(tmpdir(), 'oneclick-state-')),
    };
  const sandbox = basename(shared, '.yml').replace('sandbox-', '');
  return { sandbox, state: join(dirname(shared), '../..'), shared: true };
}

/** Starts or reuses a sandbox for a test file. */
export async function machines(file: string, count = sharedMachines): Promise<Sandbox> {
  const all = Array.from({ length: count }, (_, index) => index + 1);
  const { sandbox, state, shared } = await chooseSandbox(file, count);
  const env = { ...process.env, XDG_STATE_HOME: state, CI: '', GITHUB_ACTIONS: '' };
  await succeeds(start(['sandbox', 'up', '--name', sandbox, '--machines', `${count}`], state, env));
  const { stdout } = await succeeds(start(['sandbox', 'status', '--name', sandbox, '--json'], state, env));
  const status = Status.parse(parse(stdout));
  const environment = Environment.parse(parse(await readFile(status.environment, 'utf8')));
  for (const tag of ['v1', 'v2', 'v3']) await pushVersion(status.registry, tag);
  await pushVersion(status.registry, 'broken', '500');
  await pushVersion(status.registry, 'exits', 'exit');

  const container = (machine: number) => `oneclick-${sandbox}-sandbox-${machine}`;
  const inside = async (machine: number, ...argv: readonly string[]) =>
    (await exec('docker', ['exec', container(machine), ...argv])).stdout.trim();
  const dockerLines = async (machine: number, ...argv: readonly string[]) =>
    (await inside(machine, 'docker', ...argv)).split('\n').filter((line) => line !== '');
  let projectCount = 0;
  const folders: string[] = [];
  const started: ChildProcess[] = [];

  const project = async (extra: NodeJS.ProcessEnv = {}, binary?: string): Promise<Project> => {
    projectCount += 1;
    const name = folders.length === 0 ? file : `${file}-${projectCount}`;
    const port = 8100 + 10 * projectCount;
    const folder = join(await mkdtemp(join(tmpdir(), 'oneclick-project-')), name);
    folders.push(join(folder, '..'));
    await mkdir(folder);
    const projectEnv = { ...env, ONECLICK_ENV: `sandbox-${sandbox}`, ...extra };
    const startCommand = (...argv: readonly string[]) => {
      const running = start(argv, folder, projectEnv, binary);
      started.push(running.child);
      return running;
    };
    const serving = (machine: number, above = 0) =>
      dockerLines(
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
      ...{ name, folder, port, serving, env: projectEnv },
      write: (services, rest = {}) =>
        writeFile(
          join(folder, 'oneclick.yml'),
          stringify({
            project: name,
            services: Object.fromEntries(
              Object.entries(services).map(([service, keys]) => [
                service,
                { ...webService(`${status.registry}/sample:v1`, port), ...keys },
              ]),
            ),
            ...rest,
          }),
        ),
      start: startCommand,
      run: (...argv) => startCommand(...argv).result,
      served: (above) => Promise.all(all.map((machine) => serving(machine, above))),
      containers: (machine) =>
        dockerLines(
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
    await Promise.all(all.map((machine) => inside(machine, 'sh', '-c', removalScript(containers))));
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  };
  const [clean, wipe] = [() => remove(serviceContainers), () => remove('docker ps -aq')];
  await wipe();

  return {
    ...{ name: sandbox, registry: status.registry, knownHosts: status.knownHosts, environment },
    ...{ newProject: project, container, inside, clean, wipe },
    image: (tag) => `${status.registry}/sample:${tag}`,
    publish: (tag) => pushVersion(status.registry, tag),
    environmentOf: (chosen, ssh = {}) => ({
      hosts: Object.fromEntries(
        Object.entries(environment.hosts).filter((_, index) => chosen.includes(index + 1)),
      ),
      ssh: { ...environment.ssh, ...ssh },
    }),
    down: async () => {
      if (shared) return;
      await start(['sandbox', 'down', '--name', sandbox], state, env).result;
      await rm(state, { recursive: true, force: true });
    },
  };
}

/** Prints the IDs of all containers except network containers. */
const serviceContainers = `docker ps -a --format '{{.ID}} {{.Label "oneclick.role"}}' | grep -v ' network$' | cut -d ' ' -f 1`;

/** Removes these containers, all volumes and networks, and the files in /tmp. */
const removalScript = (containers: string) => `
${containers} | xargs -r docker rm -f >/dev/null
docker volume ls -q | xargs -r docker volume rm -f >/dev/null
docker network prune -f >/dev/null
rm -rf /tmp/* /tmp/.[!.]*
`;

/** A web service with short timeouts. */
function webService(image: string, port: number): object {
  return {
    image,
    port: `${port}:8080`,
    health: { path: '/up', interval: '100ms', settle: '0s', timeout: '1s', deadline: '4s' },
    stop: { timeout: '2s' },
  };
}

/** A service whose versions after v1 start slowly, so that a swap can be interrupted. */
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
): RunningCommand {
  const child = spawn(process.execPath, [binary, ...argv], {
    ...{ cwd, env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr, ended] = ['', '', false];
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const watch of watchers) watch();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    notify();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    notify();
  });
  const result = new Promise<Result>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      ended = true;
      notify();
      resolve({ code, stdout, stderr });
    });
  });
  const prints = (text: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const watch = () => {
        if (text.test(stdout + stderr)) resolve();
        else if (ended) reject(new Error(`exited before printing ${text}:\n${stdout}\n${stderr}`));
        else return;
        watchers.delete(watch);
      };
      watchers.add(watch);
      watch();
    });
  return { child, result: result, prints };
}

/** Returns the result of a command; throws if it fails. */
export async function succeeds(running: RunningCommand): Promise<Result> {
  const result = await running.result;
  if (result.code !== 0) throw new Error(`exit ${result.code}\n${result.stdout}\n${result.stderr}`);
  return result;
}

/** Pushes a version of the sample application unless the registry has it. */
async function pushVersion(registry: string, tag: string, broken = ''): Promise<void> {
  const existing = await fetch(`http://${registry}/v2/sample/manifests/${tag}`, {
    method: 'HEAD',
    headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
  });
  if (existing.ok) return;
  await exec(join(root, 'test/sample/build.sh'), [registry, tag], {
    env: { ...process.env, BROKEN: broken },
  });
}

/** Checks a condition every 100 ms until it holds; throws after `deadline` ms. */
export async function waitFor(condition: () => Promise<boolean>, deadline = 60_000): Promise<void> {
  const end = performance.now() + deadline;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`timed out after ${deadline} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
