import { z } from 'zod';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import { parseImage } from '../../domain/image.js';
import { parseJson } from '../../domain/json.js';
import type { Context } from '../context.js';
import { runLocal } from '../local-command.js';
import { type WatchedProgram, watchProgram } from './watch-program.js';

/** ms */
const answerWithin = 20_000;

const Versions = z.object({
  Client: z.object({ Version: z.string() }),
  Server: z.object({ Version: z.string(), Os: z.string().optional(), Arch: z.string().optional() }).nullish(),
});

/** What builds: buildx, the BuildKit that older engines bring along, or neither. */
export type Builder = 'buildx' | 'buildkit' | 'classic';

/** What the docker CLI of the caller ended with, and its last lines where they were seen. */
export interface Ended {
  readonly code: number;
  readonly lines: readonly string[];
}

/** How many of a program's last lines explain how it ended. */
const evidence = 12;

/**
 * The caller's own `docker`: contexts, DOCKER_HOST, builders and credentials are theirs. Words are data and never pass a shell. Made by
 * {@link openDocker}.
 */
export class DockerCli {
  readonly version: string;
  readonly engine: string;
  /** What its engine builds for by itself. */
  readonly platform: string;
  readonly builder: Builder;
  readonly #cwd: string;
  readonly #env: Context['env'];

  constructor(
    known: Pick<DockerCli, 'version' | 'engine' | 'platform' | 'builder'>,
    { cwd, env }: { readonly cwd: string; readonly env: Context['env'] },
  ) {
    this.version = known.version;
    this.engine = known.engine;
    this.platform = known.platform;
    this.builder = known.builder;
    this.#cwd = cwd;
    this.#env = env;
  }

  /** Runs it where people watch; the builder is the one that was found. */
  async watch({ argv, env, onLine, into }: WatchedProgram): Promise<Ended> {
    const lines: string[] = [];
    const keep = (line: string) => {
      lines.push(line);
      if (lines.length > evidence) lines.shift();
      onLine?.(line);
    };
    const code = await watchProgram(
      {
        argv: ['docker', ...argv],
        // Empty is unset: docker then says itself what it does without buildx.
        env: { DOCKER_BUILDKIT: this.builder === 'classic' ? '' : '1', ...env },
        ...(onLine === undefined ? {} : { onLine: keep }),
        ...given({ into }),
      },
      { cwd: this.#cwd, env: this.#env },
    );
    return { code, lines };
  }

  /** Writes images as one archive into a file, by its descriptor. Throws a Failure `docker.save`. */
  async save(references: readonly string[], into: number): Promise<void> {
    const { code, lines } = await this.watch({
      argv: ['save', ...references],
      into,
      onLine: () => undefined,
    });
    if (code === 0) return;
    throw new Failure('failed', 'docker.save', `docker did not give out what it built (exit code ${code})`, {
      evidence: lines,
      hint: 'the images must fit into the folder of temporary files: TMPDIR names another one',
    });
  }

  /** Whether the registry says that it has this image; not to know is no. */
  async has(reference: string): Promise<boolean> {
    // The CLI speaks plain HTTP to nobody by itself, the engine does to this machine.
    const isHere = /^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?$/.test(parseImage(reference).registry);
    const argv = ['docker', 'manifest', 'inspect', ...(isHere ? ['--insecure'] : []), reference];
    const answer = await quietly(argv, { cwd: this.#cwd, env: this.#env });
    return answer.code === 0;
  }
}

/**
 * Looks for the caller's docker, its engine, and what it builds with. Throws failures of kind `unreachable`: `docker.missing`, or
 * `docker.engine` with docker's own words.
 */
export async function openDocker(place: {
  readonly cwd: string;
  readonly env: Context['env'];
}): Promise<DockerCli> {
  const [said, buildx] = await Promise.all([
    quietly(['docker', 'version', '--format', '{{json .}}'], place),
    quietly(['docker', 'buildx', 'version'], place),
  ]);
  const versions = Versions.safeParse(parseJson(said.stdout));
  if (!versions.success || !versions.data.Server || said.code !== 0) {
    const lines = said.stderr.trim().split('\n').slice(-evidence);
    throw new Failure('unreachable', 'docker.engine', 'the Docker engine of this machine does not answer', {
      evidence: lines,
      hint: /permission denied/i.test(said.stderr)
        ? 'sudo usermod -aG docker $USER, then log in again'
        : 'start it (systemctl start docker), or point DOCKER_HOST or a docker context at another one',
    });
  }
  const { Client, Server } = versions.data;
  return new DockerCli(
    {
      version: Client.Version,
      engine: Server.Version,
      platform: `${Server.Os}/${Server.Arch}`,
      builder: builderOf(Client.Version, Server.Version, buildx.code === 0, place.env.DOCKER_BUILDKIT),
    },
    place,
  );
}

/** Since 23 the CLI reaches BuildKit by buildx only; before, it does so itself where the engine has it. */
export function builderOf(
  client: string,
  engine: string,
  buildx: boolean,
  wish: string | undefined,
): Builder {
  if (wish === '0') return 'classic';
  if (buildx) return 'buildx';
  return Number.parseInt(client, 10) < 23 && Number.parseInt(engine, 10) >= 19 ? 'buildkit' : 'classic';
}

async function quietly(
  argv: readonly string[],
  place: { readonly cwd: string; readonly env: Context['env'] },
) {
  try {
    return await runLocal({ argv, timeout: answerWithin }, place, () => undefined);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('unreachable', 'docker.missing', `docker did not start: ${message}`, {
      cause,
      hint: 'install the Docker CLI: apt-get install docker.io, or see https://docs.docker.com/engine/install/',
    });
  }
}
