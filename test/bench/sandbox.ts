import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Bench, oneclick, root, run } from './process.js';

/** A machine of the benchmark's own sandbox. */
export interface Machine {
  readonly name: string;
  /** Of the instance that it is for the API. */
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly container: string;
}

const Status = z.object({
  registry: z.string(),
  key: z.string(),
  knownHosts: z.string(),
  endpoint: z.string(),
  machines: z.array(
    z.object({
      ...{ name: z.string(), id: z.string(), address: z.string(), port: z.number() },
      ...{ user: z.string(), container: z.string() },
    }),
  ),
});

const sandboxName = 'bench';
const exec = promisify(execFile);

/** Real machines, and versions of the sample application that they can pull. */
export class Sandbox {
  readonly all: readonly Machine[];
  readonly registry: string;
  readonly key: string;
  readonly knownHosts: string;
  /** Where the API of AWS answers. */
  readonly endpoint: string;
  readonly #bench: Bench;
  #versions = 0;

  private constructor(bench: Bench, status: z.infer<typeof Status>) {
    this.#bench = bench;
    this.all = status.machines;
    this.registry = status.registry;
    this.key = status.key;
    this.knownHosts = status.knownHosts;
    this.endpoint = status.endpoint;
  }

  /** Starts the sandbox; v1 of the sample application is in its registry then. */
  static async up(bench: Bench, count: number): Promise<Sandbox> {
    const { env, signal } = bench;
    bench.note(`starting ${count} machines`);
    const argv = [process.execPath, oneclick, 'sandbox'];
    await run([...argv, 'up', '--name', sandboxName, '--machines', String(count)], { env, signal });
    const { stdout } = await run([...argv, 'status', '--name', sandboxName, '--json'], { env, signal });
    const machines = new Sandbox(bench, Status.parse(JSON.parse(stdout)));
    await run([join(root, 'test/sample/build.sh'), machines.registry, 'v1'], { signal });
    return machines;
  }

  /** Removes the sandbox, also after an interruption. */
  static async down({ env }: Bench): Promise<void> {
    await run([process.execPath, oneclick, 'sandbox', 'down', '--name', sandboxName], { env });
  }

  image(tag: string): string {
    return `${this.registry}/sample:${tag}`;
  }

  /** Pushes a version that no machine has yet, one layer of 256 KB above v1, and gives its tag. */
  async newVersion(): Promise<string> {
    this.#versions += 1;
    const tag = `v2-${this.#versions}`;
    const dockerfile = `FROM ${this.image('v1')}
ENV VERSION=${tag}
RUN ["/bin/busybox", "dd", "if=/dev/urandom", "of=/layer", "bs=65536", "count=4"]
`;
    const build = exec('docker', ['build', '--no-cache', '--tag', this.image(tag), '-'], {
      signal: this.#bench.signal,
    });
    build.child.stdin?.end(dockerfile);
    await build;
    await exec('docker', ['push', this.image(tag)], { signal: this.#bench.signal });
    await exec('docker', ['rmi', this.image(tag)], { signal: this.#bench.signal });
    return tag;
  }

  /** A shell script inside a machine. */
  async inside(machine: Machine, script: string): Promise<string> {
    const { signal } = this.#bench;
    return (await exec('docker', ['exec', machine.container, 'sh', '-c', script], { signal })).stdout;
  }

  /** As if nothing had ever been deployed there, but v1 is pulled. */
  async reset(machines: readonly Machine[]): Promise<void> {
    const v1 = this.image('v1');
    const script = `docker rm -f $(docker ps -aq); docker volume rm $(docker volume ls -q); docker network prune -f
docker pull -q ${v1}
docker images -q --no-trunc | sort -u | grep -v "$(docker inspect -f '{{.Id}}' ${v1})" | xargs -r docker rmi -f`;
    await Promise.all(machines.map((machine) => this.inside(machine, `{ ${script}\n} >/dev/null 2>&1`)));
  }
}
