import { z } from 'zod';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import { parseImage } from '../../domain/image.js';
import { parseJson } from '../../domain/json.js';
import type { Context } from '../context.js';
import { runLocal } from '../local-command.js';
import { type WatchedProgram, watchProgram } from './watch-program.js';

/** ms */
const answerTimeout = 20_000;

const Versions = z.object({
  Client: z.object({ Version: z.string() }),
  Server: z.object({ Version: z.string(), Os: z.string().optional(), Arch: z.string().optional() }).nullish(),
});

/** The builder: buildx, the BuildKit inside older engines, or neither. */
export type Builder = 'buildx' | 'buildkit' | 'classic';

/** The exit code of docker, and its last lines if they were read. */
export interface ProgramResult {
  readonly code: number;
  readonly lines: readonly string[];
}

/** How many last lines to keep as evidence. */
const evidenceLines = 12;

/**
 * The user's own `docker`, with their contexts, DOCKER_HOST, builders and credentials. Runs without a shell. Create it with
 * {@link openDocker}.
 */
export class DockerCli {
  readonly version: string;
  readonly engine: string;
  /** The default platform of its engine. */
  readonly platform: string;
  readonly builder: Builder;
  readonly #cwd: string;
  readonly #env: Context['env'];

  constructor(
    found: Pick<DockerCli, 'version' | 'engine' | 'platform' | 'builder'>,
    { cwd, env }: { readonly cwd: string; readonly env: Context['env'] },
  ) {
    this.version = found.version;
    this.engine = found.engine;
    this.platform = found.platform;
    this.builder = found.builder;
    this.#cwd = cwd;
    this.#env = env;
  }

  /** Runs docker and shows its output. */
  async watch({ argv, env, onLine, stdoutFile }: WatchedProgram): Promise<ProgramResult> {
    const lines: string[] = [];
    const keep = (line: string) => {
      lines.push(line);
      if (lines.length > evidenceLines) lines.shift();
      onLine?.(line);
    };
    const code = await watchProgram(
      {
        argv: ['docker', ...argv],
        // Empty counts as unset; docker then reports that buildx is missing.
        env: { DOCKER_BUILDKIT: this.builder === 'classic' ? '' : '1', ...env },
        ...(onLine === undefined ? {} : { onLine: keep }),
        ...given({ stdoutFile }),
      },
      { cwd: this.#cwd, env: this.#env },
    );
    return { code, lines };
  }

  /** Saves images as one archive to a file descriptor. Throws a Failure `docker.save`. */
  async save(references: readonly string[], stdoutFile: number): Promise<void> {
    const { code, lines } = await this.watch({
      argv: ['save', ...references],
      stdoutFile: stdoutFile,
      onLine: () => undefined,
    });
    if (code === 0) return;
    throw new Failure(
      'failed',
      'docker.save',
      `cannot save the built images: docker exited with code ${code}`,
      {
        evidence: lines,
        hint: 'check the free space of the temporary folder, or set TMPDIR to another one',
      },
    );
  }

  /** Whether the registry has this image; false if it cannot be read. */
  async has(reference: string): Promise<boolean> {
    // Unlike the engine, the CLI does not try plain HTTP on localhost.
    const isHere = /^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?$/.test(parseImage(reference).registry);
    const argv = ['docker', 'manifest', 'inspect', ...(isHere ? ['--insecure'] : []), reference];
    const answer = await capture(argv, { cwd: this.#cwd, env: this.#env });
    return answer.code === 0;
  }
}

/**
 * Finds the user's docker, its engine and its builder. Throws failures of kind `unreachable`: `docker.missing`, or
 * `docker.engine` with docker's own message.
 */
export async function openDocker(options: {
  readonly cwd: string;
  readonly env: Context['env'];
}): Promise<DockerCli> {
  const [answer, buildx] = await Promise.all([
    capture(['docker', 'version', '--format', '{{json .}}'], options),
    capture(['docker', 'buildx', 'version'], options),
  ]);
  const versions = Versions.safeParse(parseJson(answer.stdout));
  if (!versions.success || !versions.data.Server || answer.code !== 0) {
    const lines = answer.stderr.trim().split('\n').slice(-evidenceLines);
    throw new Failure('unreachable', 'docker.engine', 'your Docker engine does not respond', {
      evidence: lines,
      hint: /permission denied/i.test(answer.stderr)
        ? 'run: sudo usermod -aG docker $USER, then log in again'
        : 'start it with systemctl start docker, or set DOCKER_HOST or a docker context',
    });
  }
  const { Client, Server } = versions.data;
  return new DockerCli(
    {
      version: Client.Version,
      engine: Server.Version,
      platform: `${Server.Os}/${Server.Arch}`,
      builder: builderOf(Client.Version, Server.Version, buildx.code === 0, options.env.DOCKER_BUILDKIT),
    },
    options,
  );
}

/** Returns the builder. Since version 23 the CLI needs buildx for BuildKit; older ones need an engine with BuildKit. */
export function builderOf(
  client: string,
  engine: string,
  buildx: boolean,
  variable: string | undefined,
): Builder {
  if (variable === '0') return 'classic';
  if (buildx) return 'buildx';
  return Number.parseInt(client, 10) < 23 && Number.parseInt(engine, 10) >= 19 ? 'buildkit' : 'classic';
}

async function capture(
  argv: readonly string[],
  options: { readonly cwd: string; readonly env: Context['env'] },
) {
  try {
    return await runLocal({ argv, timeout: answerTimeout }, options, () => undefined);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('unreachable', 'docker.missing', `cannot run docker: ${message}`, {
      cause,
      hint: 'install Docker: apt-get install docker.io, or see https://docs.docker.com/engine/install/',
    });
  }
}
