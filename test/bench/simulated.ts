import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { keyPair } from '../fakes/ssh-server.js';
import { comparison, type Figure, single } from './figures.js';
import { type Bench, oneclick, run, type Usage } from './process.js';
import type { SimulatedHosts } from './simulated-hosts.js';

const [few, many] = [20, 200];

/** What a deploy to so many hosts takes here, where the hosts themselves cost nothing. */
export async function simulated(bench: Bench, runs: number): Promise<Figure[]> {
  const oneHost = await measureDeploys(bench, 1, runs);
  const fewHosts = await measureDeploys(bench, few, runs);
  const manyHosts = await measureDeploys(bench, many, runs);
  const fixed = Math.min(...oneHost.map(({ cpu }) => cpu));
  const each = (hosts: number) => (usages: Usage | undefined) => ((usages?.cpu ?? 0) - fixed) / (hosts - 1);
  const pairs = manyHosts.map((usages, index) => ({
    ours: each(many)(usages),
    theirs: each(few)(fewHosts[index]),
  }));
  return [
    single(
      'processor time of a deploy to one simulated host',
      'ms',
      oneHost.map(({ cpu }) => cpu),
    ),
    comparison(`  for each further one, of ${many} against of ${few}`, 'ms', pairs, {
      of: 'ratio',
      most: 1.2,
    }),
    single(
      `memory of a deploy to ${many}`,
      'MB',
      manyHosts.map(({ memory }) => memory),
      300,
    ),
  ];
}

async function measureDeploys(bench: Bench, hosts: number, runs: number): Promise<Usage[]> {
  bench.note(`${hosts} simulated host${hosts === 1 ? '' : 's'}`);
  const program = join(import.meta.dirname, 'simulated-hosts.js');
  const child = spawn(process.execPath, [program, String(hosts)], {
    ...{ signal: bench.signal, stdio: ['pipe', 'pipe', 'inherit'] },
  });
  child.on('error', () => undefined);
  const usages: Usage[] = [];
  try {
    const folder = await projectFor(bench, await readHosts(child.stdout));
    const deploy = (tag: string) => {
      const argv = [process.execPath, oneclick, 'deploy', 'web', '--tag', tag, '--batch', 'all', '--yes'];
      return run(argv, { cwd: folder, env: bench.env, signal: bench.signal, measured: true });
    };
    await deploy('v0');
    for (let done = 1; done <= runs; done += 1) {
      const { usage, wall } = await deploy(`v${done}`);
      if (usage === undefined) throw new Error('the deploy did not say what it used');
      bench.note(
        `  ${Math.round(wall)} ms, of the processor ${Math.round(usage.cpu)} ms, ${Math.round(usage.memory)} MB`,
      );
      usages.push(usage);
    }
  } finally {
    child.kill();
  }
  return usages;
}

async function readHosts(stdout: NodeJS.ReadableStream | null): Promise<SimulatedHosts> {
  for await (const line of createInterface({ input: stdout ?? process.stdin }))
    return JSON.parse(line) as SimulatedHosts;
  throw new Error('the simulated hosts did not start');
}

async function projectFor(bench: Bench, { ports, known, service }: SimulatedHosts): Promise<string> {
  const folder = join(bench.folder, `simulated-${ports.length}`);
  await mkdir(folder);
  await writeFile(join(folder, 'key'), keyPair().private, { mode: 0o600 });
  await writeFile(join(folder, 'known_hosts'), known);
  const hosts = ports.map((port, index) => [`web-${index + 1}`, { address: '127.0.0.1', port }] as const);
  const project = {
    project: 'shop',
    ssh: { user: 'deploy', key: join(folder, 'key'), known_hosts: join(folder, 'known_hosts') },
    services: { web: { image: 'registry.example.org/shop:v1', port: `${service}:8080`, health: '/up' } },
    environments: { production: { hosts: Object.fromEntries(hosts) } },
  };
  await writeFile(join(folder, 'oneclick.yml'), stringify(project));
  return folder;
}
