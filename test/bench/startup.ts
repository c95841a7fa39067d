import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { keyPair } from '../fakes/ssh-server.js';
import { comparison, type Figure, single } from './figures.js';
import { type Bench, oneclick, run } from './process.js';
import type { Pair } from './statistics.js';

/** How long commands take that touch no server, and how long a deploy takes to touch the first one. */
export async function startup(bench: Bench, runs: number): Promise<Figure[]> {
  const pairs: Record<'version' | 'help', Pair[]> = { version: [], help: [] };
  const toConnection: number[] = [];
  const connection = await FirstConnection.open(bench);
  const node = async () => (await run([process.execPath, '-e', '0'], bench)).wall;
  const ours = async (flag: string) => (await run([process.execPath, oneclick, flag], bench)).wall;
  try {
    // The first of each reads the disk.
    await Promise.all([node(), ours('--version'), ours('--help')]);
    await connection.measure();
    bench.note(`start-up: ${runs} runs of each`);
    for (let done = 0; done < runs; done += 1) {
      pairs.version.push(await measurePair(done, () => ours('--version'), node));
      pairs.help.push(await measurePair(done, () => ours('--help'), node));
      const first = await measurePair(done, () => connection.measure(), node);
      toConnection.push(first.ours - first.theirs);
    }
  } finally {
    await connection.close();
  }
  return [
    comparison('--version, against node -e 0', 'ms', pairs.version, { of: 'ratio', most: 1.3 }),
    comparison('--help, against node -e 0', 'ms', pairs.help, { of: 'ratio', most: 1.3 }),
    single('deploy until its first packet, above node -e 0', 'ms', toConnection, 300),
  ];
}

async function measurePair(
  turn: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<Pair> {
  if (turn % 2 === 0) return { ours: await ours(), theirs: await theirs() };
  const first = await theirs();
  return { ours: await ours(), theirs: first };
}

/** A host that only notices when it is called. */
class FirstConnection {
  readonly #bench: Bench;
  readonly #folder: string;
  readonly #server = createServer((socket) => this.#called(socket));
  #called: (socket: Socket) => void = (socket) => socket.destroy();

  private constructor(bench: Bench) {
    this.#bench = bench;
    this.#folder = join(bench.folder, 'dialed');
  }

  static async open(bench: Bench): Promise<FirstConnection> {
    const connection = new FirstConnection(bench);
    await new Promise<void>((resolve) => connection.#server.listen(0, '127.0.0.1', resolve));
    const { port } = connection.#server.address() as AddressInfo;
    await mkdir(connection.#folder);
    await writeFile(join(connection.#folder, 'key'), keyPair().private, { mode: 0o600 });
    const project = {
      project: 'shop',
      ssh: { key: join(connection.#folder, 'key') },
      services: { web: { image: 'shop:v1', port: '8080:8080', health: '/up' } },
      environments: { production: { hosts: { 'web-1': { address: '127.0.0.1', port } } } },
    };
    await writeFile(join(connection.#folder, 'oneclick.yml'), stringify(project));
    return connection;
  }

  /** ms from the start of a deploy to its first connection; it is ended then. */
  measure(): Promise<number> {
    const { env, signal } = this.#bench;
    const argv = [oneclick, 'deploy', 'web', '--tag', 'v2', '--yes'];
    return new Promise((resolve, reject) => {
      const start = performance.now();
      let wall: number | undefined;
      const child = spawn(process.execPath, argv, { cwd: this.#folder, env, signal, stdio: 'ignore' });
      this.#called = (socket) => {
        wall ??= performance.now() - start;
        socket.destroy();
        child.kill('SIGKILL');
      };
      child.on('error', reject);
      child.on('close', () => (wall === undefined ? reject(new Error('it never called')) : resolve(wall)));
    });
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
