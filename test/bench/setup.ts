import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { DelayProxy } from './delay-proxy.js';
import { responseOf } from './prober.js';
import { type Bench, oneclick, type ProcessResult, root, run } from './process.js';
import type { Machine, Sandbox } from './sandbox.js';

const port = 8080;
/** The name of the sticky note's container. */
const container = 'web';

/** Machines as both contestants reach them, at some distance, and what each of them needs to deploy there. */
export class Setup {
  readonly machines: readonly Machine[];
  /** The project of `oneclick`. */
  readonly folder: string;
  readonly environment = 'production';
  readonly #bench: Bench;
  readonly #sandbox: Sandbox;
  readonly #wires: readonly DelayProxy[];

  private constructor(
    bench: Bench,
    sandbox: Sandbox,
    machines: readonly Machine[],
    proxies: readonly DelayProxy[],
  ) {
    this.#bench = bench;
    this.#sandbox = sandbox;
    this.#wires = proxies;
    this.machines = machines;
    this.folder = join(bench.folder, `${machines.length}-${proxies.length === 0 ? 'near' : 'far'}`);
  }

  /** The first machines of the sandbox. `roundTrip` is what is added to the network's own, in ms. */
  static async of(bench: Bench, sandbox: Sandbox, hosts: number, roundTrip: number): Promise<Setup> {
    const machines = sandbox.all.slice(0, hosts);
    const delayed = roundTrip > 0 ? machines : [];
    const proxies = await Promise.all(
      delayed.map(({ address, port }) => DelayProxy.to(address, port, roundTrip / 2)),
    );
    const setup = new Setup(bench, sandbox, machines, proxies);
    await setup.#write();
    return setup;
  }

  async close(): Promise<void> {
    await Promise.all(this.#wires.map((proxy) => proxy.close()));
  }

  url({ address }: Machine): string {
    return `http://${address}:${port}/up`;
  }

  /** A deploy, as a user types it. */
  deploy(tag: string, measured = false): Promise<ProcessResult> {
    const argv = ['deploy', 'web', '--tag', tag, '--env', this.environment, '--batch', 'all', '--yes'];
    return this.oneclick(argv, measured);
  }

  oneclick(argv: readonly string[], measured = false): Promise<ProcessResult> {
    const { env, signal } = this.#bench;
    return run([process.execPath, oneclick, ...argv], { cwd: this.folder, env, signal, measured });
  }

  /** The same by the sticky note. */
  note(tag: string): Promise<ProcessResult> {
    const { signal } = this.#bench;
    const names = this.machines.map(({ name }) => name);
    const script = join(root, 'test/bench/sticky-note.sh');
    const args = [this.#sandbox.image(tag), container, `${port}:${port}`, '/up'];
    return run(['bash', script, ...args, join(this.folder, 'ssh_config'), ...names], { signal });
  }

  /** Only v1 is on the machines, as if one of the contestants had deployed it. */
  async reset(contestant: 'ours' | 'theirs'): Promise<void> {
    await this.#sandbox.reset(this.machines);
    if (contestant === 'ours') await this.deploy('v1');
    else {
      const start = `docker run -d --name ${container} --restart unless-stopped -p ${port}:${port} ${this.#sandbox.image('v1')}`;
      await Promise.all(this.machines.map((machine) => this.#sandbox.inside(machine, start)));
    }
    await this.waitForVersion('v1');
  }

  /** Resolves when every machine answers with this version. */
  async waitForVersion(version: string): Promise<void> {
    const end = performance.now() + 30_000;
    const ask = async (machine: Machine): Promise<void> => {
      while ((await responseOf(this.url(machine))) !== version) {
        this.#bench.signal.throwIfAborted();
        if (performance.now() > end) throw new Error(`${machine.name} does not answer with ${version}`);
      }
    };
    await Promise.all(this.machines.map(ask));
  }

  async #write(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const at = (index: number) => {
      const proxy = this.#wires[index];
      const { address, port } = this.machines[index] ?? { address: '', port: 0 };
      return proxy === undefined ? { address, port } : { address: '127.0.0.1', port: proxy.port };
    };
    const { key, registry } = this.#sandbox;
    const known = join(this.folder, 'known_hosts');
    await writeFile(known, await this.#knownHosts(at));
    const hosts = Object.fromEntries(this.machines.map(({ name }, index) => [name, at(index)]));
    const project = {
      project: 'shop',
      ssh: { user: this.machines[0]?.user, key, known_hosts: known },
      services: { web: { image: `${registry}/sample:v1`, port: `${port}:${port}`, health: '/up' } },
      environments: { [this.environment]: { hosts } },
    };
    await writeFile(join(this.folder, 'oneclick.yml'), stringify(project));
    const sshConfig = this.machines.map(({ name, user }, index) => {
      const { address, port } = at(index);
      return `Host ${name}
  HostName ${address}
  Port ${port}
  User ${user}
  IdentityFile ${key}
  IdentitiesOnly yes
  UserKnownHostsFile ${known}
`;
    });
    await writeFile(join(this.folder, 'ssh_config'), sshConfig.join(''));
  }

  /** The machines' keys, under the addresses at which they are reached here. */
  async #knownHosts(at: (index: number) => { address: string; port: number }): Promise<string> {
    const knownHostName = ({ address, port }: { address: string; port: number }) =>
      port === 22 ? address : `[${address}]:${port}`;
    const lines = (await readFile(this.#sandbox.knownHosts, 'utf8')).split('\n');
    return this.machines
      .flatMap((machine, index) =>
        lines.flatMap((line) => {
          const [name, ...key] = line.split(' ');
          return name?.split(',').includes(knownHostName(machine))
            ? [`${knownHostName(at(index))} ${key.join(' ')}\n`]
            : [];
        }),
      )
      .join('');
  }
}
