import { PassThrough } from 'node:stream';
import type Dockerode from 'dockerode';
import { SandboxFailure } from './failure.js';

export type Docker = Dockerode;

/** Everything that a sandbox makes in Docker carries these; they are the only truth of what exists. */
export const labels = {
  /** The sandbox's name. */
  sandbox: 'oneclick.sandbox',
  /** `machine`, `bastion`, `instance`, `load-balancer` or `registry`. */
  role: 'oneclick.sandbox.role',
  /** The machine's name, as its host name says it. */
  machine: 'oneclick.sandbox.machine',
  /** The ID of an instance that the API was asked for. */
  instance: 'oneclick.sandbox.instance',
  /** Of a load balancer: its ARN. */
  arn: 'oneclick.sandbox.arn',
  /** Of the network: the port of the registry on every loopback. */
  registryPort: 'oneclick.sandbox.registry-port',
  /** Of a volume that keeps a document of the API: what it is, as JSON. */
  document: 'oneclick.sandbox.document',
  /** Of the same volume: the document itself, as JSON. */
  content: 'oneclick.sandbox.content',
} as const;

/** A filter of the Docker API for what belongs to the sandbox `name` (and has this role). */
export function belongingTo(
  name: string,
  role?: 'machine' | 'bastion' | 'instance' | 'load-balancer' | 'registry',
): { label: string[] } {
  const label = [`${labels.sandbox}=${name}`];
  if (role !== undefined) label.push(`${labels.role}=${role}`);
  return { label };
}

/**
 * The Docker engine of this machine, as DOCKER_HOST or the usual socket names it.
 * @throws SandboxFailure when it does not answer, may not be used by this user, or is older than 20.10.
 */
export async function connect(): Promise<Docker> {
  const { default: Client } = await import('dockerode');
  const docker = new Client();
  try {
    const { ApiVersion } = await docker.version();
    // 1.41 is the first API with cgroup namespaces, which the machines' own engines need.
    if (Number(ApiVersion.split('.')[1]) < 41) {
      throw new SandboxFailure('docker.old', `this machine's Docker engine speaks API ${ApiVersion}`, {
        hint: 'the sandbox needs Docker 20.10 or newer',
      });
    }
    return docker;
  } catch (error) {
    throw dockerFailure(error);
  }
}

/** The message of an error, without what dockerode puts before the engine's own words. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
}

/** What to tell a person about an error of the Docker API. */
export function dockerFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof SandboxFailure) return error;
  const { code, statusCode } = error as Error & { code?: string; statusCode?: number };
  if (code === 'EACCES' || code === 'EPERM') {
    return new SandboxFailure('docker.denied', 'this user may not use the Docker socket', {
      hint: 'run as root, or join the group: sudo usermod -aG docker "$USER", then log in again',
      exitCode: 4,
      cause: error,
    });
  }
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTFOUND') {
    return new SandboxFailure(
      'docker.absent',
      `no Docker engine answers on this machine (${error.message})`,
      {
        hint: 'install docker.io and start it, or set DOCKER_HOST',
        exitCode: 5,
        cause: error,
      },
    );
  }
  if (/no space left on device|ENOSPC/i.test(error.message)) {
    return new SandboxFailure('disk.full', `the disk is full: ${messageOf(error)}`, {
      hint: 'free some space (docker system df shows what Docker holds), then run it again',
      cause: error,
    });
  }
  if (statusCode !== undefined) {
    return new SandboxFailure('docker.refused', `Docker refused: ${messageOf(error)}`, {
      hint: 'run it again; `oneclick sandbox down` starts from nothing',
      cause: error,
    });
  }
  return error;
}

/** Whether the Docker API answered with this status. */
export function isStatus(error: unknown, ...statuses: readonly number[]): boolean {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' && statuses.includes(status);
}

/** The result of `work`; `undefined` when Docker says that the thing does not exist. */
export async function ifExists<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** Runs a command in a container; both of its streams come back as one text. */
export async function execute(
  docker: Docker,
  container: string,
  argv: readonly string[],
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const run = await docker
    .getContainer(container)
    .exec({ Cmd: [...argv], AttachStdout: true, AttachStderr: true });
  const stream = await run.start({});
  const chunks: Buffer[] = [];
  const sink = new PassThrough();
  sink.on('data', (chunk: Buffer) => chunks.push(chunk));
  docker.modem.demuxStream(stream, sink, sink);
  await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
  const { ExitCode } = await run.inspect();
  return { exitCode: ExitCode ?? -1, output: Buffer.concat(chunks).toString('utf8').trim() };
}

/** Reads a progress stream of the Docker API (build, pull, import) to its end; throws what it reports. */
export async function follow(
  docker: Docker,
  stream: NodeJS.ReadableStream,
  onLine: (line: { readonly stream?: string; readonly status?: string }) => void = () => {},
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()), onLine);
  });
}
