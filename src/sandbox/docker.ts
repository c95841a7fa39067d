import { PassThrough } from 'node:stream';
import type Dockerode from 'dockerode';
import { SandboxFailure } from './failure.js';

export type Docker = Dockerode;

/** Labels of every Docker object of a sandbox; nothing else records what exists. */
export const labels = {
  /** The sandbox's name. */
  sandbox: 'oneclick.sandbox',
  /** `machine`, `bastion`, `instance`, `load-balancer` or `registry`. */
  role: 'oneclick.sandbox.role',
  /** The machine's host name. */
  machine: 'oneclick.sandbox.machine',
  /** The ID of an instance started by RunInstances. */
  instance: 'oneclick.sandbox.instance',
  /** The ARN of a load balancer. */
  arn: 'oneclick.sandbox.arn',
  /** On the network: the registry's loopback port. */
  registryPort: 'oneclick.sandbox.registry-port',
  /** On a document volume: kind, ID and revision, as JSON. */
  document: 'oneclick.sandbox.document',
  /** On a document volume: the document, as JSON. */
  content: 'oneclick.sandbox.content',
} as const;

/** Returns a Docker API filter for the objects of a sandbox, optionally of one role. */
export function sandboxFilter(
  sandbox: string,
  role?: 'machine' | 'bastion' | 'instance' | 'load-balancer' | 'registry',
): { label: string[] } {
  const label = [`${labels.sandbox}=${sandbox}`];
  if (role !== undefined) label.push(`${labels.role}=${role}`);
  return { label };
}

/**
 * Connects to the Docker engine of this machine (DOCKER_HOST or the default socket).
 * @throws SandboxFailure if the engine does not respond, denies access or is older than 20.10
 */
export async function connect(): Promise<Docker> {
  const { default: Client } = await import('dockerode');
  const docker = new Client();
  try {
    const { ApiVersion } = await docker.version();
    // API 1.41 adds cgroup namespaces, which nested engines need.
    if (Number(ApiVersion.split('.')[1]) < 41) {
      throw new SandboxFailure('docker.old', `the Docker engine is too old (API ${ApiVersion})`, {
        hint: 'install Docker 20.10 or newer',
      });
    }
    return docker;
  } catch (error) {
    throw dockerFailure(error);
  }
}

/** Returns an error's message without the prefix that dockerode adds. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
}

/** Converts a Docker API error to a {@link SandboxFailure} with a hint; returns other errors unchanged. */
export function dockerFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof SandboxFailure) return error;
  const { code, statusCode } = error as Error & { code?: string; statusCode?: number };
  if (code === 'EACCES' || code === 'EPERM') {
    return new SandboxFailure('docker.denied', 'no permission to use the Docker socket', {
      hint: 'run: sudo usermod -aG docker "$USER", then log in again',
      exitCode: 4,
      cause: error,
    });
  }
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTFOUND') {
    return new SandboxFailure('docker.absent', `cannot connect to the Docker engine (${error.message})`, {
      hint: 'install and start Docker, or set DOCKER_HOST',
      exitCode: 5,
      cause: error,
    });
  }
  if (/no space left on device|ENOSPC/i.test(error.message)) {
    return new SandboxFailure('disk.full', `the disk is full: ${messageOf(error)}`, {
      hint: 'free space, then run: oneclick sandbox up (docker system df shows usage)',
      cause: error,
    });
  }
  if (statusCode !== undefined) {
    return new SandboxFailure('docker.refused', `Docker request failed: ${messageOf(error)}`, {
      hint: 'run: oneclick sandbox up (oneclick sandbox down removes everything first)',
      cause: error,
    });
  }
  return error;
}

/** Returns whether the Docker API responded with one of these status codes. */
export function hasStatus(error: unknown, ...statuses: readonly number[]): boolean {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' && statuses.includes(status);
}

/** Returns the result of `work`, or `undefined` if Docker responds 404. */
export async function ifExists<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}

/** Runs a command in a container; `output` is stdout and stderr combined. */
export async function execute(
  docker: Docker,
  container: string,
  argv: readonly string[],
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const exec = await docker
    .getContainer(container)
    .exec({ Cmd: [...argv], AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  const chunks: Buffer[] = [];
  const sink = new PassThrough();
  sink.on('data', (chunk: Buffer) => chunks.push(chunk));
  docker.modem.demuxStream(stream, sink, sink);
  await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject));
  const { ExitCode } = await exec.inspect();
  return { exitCode: ExitCode ?? -1, output: Buffer.concat(chunks).toString('utf8').trim() };
}

/** Reads a progress stream (build, pull, import) to its end; throws the error that it reports. */
export async function followProgress(
  docker: Docker,
  stream: NodeJS.ReadableStream,
  onLine: (line: { readonly stream?: string; readonly status?: string }) => void = () => {},
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()), onLine);
  });
}
