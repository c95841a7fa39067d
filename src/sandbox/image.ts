import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap } from './bootstrap.js';
import type { Context } from './context.js';
import { dockerFailure, followProgress, ifExists, messageOf } from './docker.js';
import { SandboxFailure } from './failure.js';
import { dockerfile, files, packages } from './files.js';
import { withTimeout } from './wait.js';

const pulledBase = 'debian:bookworm-slim';

const base = `oneclick-sandbox-base:${hash(packages.join(' '))}`;
const image = `oneclick-sandbox:${hash(base, dockerfile(base), JSON.stringify(files))}`;

/**
 * Returns the tag of the image for all roles, building it if needed. The tag hashes the contents, so a change builds
 * a new image; the packages are a separate base image.
 * @throws SandboxFailure if the image can be neither built from a pulled one nor bootstrapped
 */
export async function ensureImage(context: Context): Promise<string> {
  if (await exists(context, image)) return image;
  if (!(await exists(context, base))) await buildBase(context);
  context.progress('building the machine image');
  await build(context, image, { Dockerfile: dockerfile(base), ...files });
  return image;
}

async function exists(context: Context, tag: string): Promise<boolean> {
  return (await ifExists(context.docker.getImage(tag).inspect())) !== undefined;
}

async function buildBase(context: Context): Promise<void> {
  const pullError = await pull(context);
  if (pullError === undefined) {
    context.progress(`installing packages on ${pulledBase} (about a minute, once)`);
    const install = `apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(' ')} && rm -rf /var/lib/apt/lists/*`;
    try {
      await build(context, base, { Dockerfile: `FROM ${pulledBase}\nRUN ${install}\n` });
      return;
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof SandboxFailure && error.code === 'disk.full') throw error;
      context.progress(`installing packages failed: ${messageOf(error)}`);
    }
  }
  await bootstrap(context, base, packages, pullError ?? 'packages could not be installed');
}

/** Pulls the base image if it is missing; returns the reason if that fails. */
async function pull(context: Context): Promise<string | undefined> {
  if (await exists(context, pulledBase)) return undefined;
  context.progress(`pulling ${pulledBase}`);
  try {
    // A firewall may drop packets silently.
    const stream = await withTimeout(context, 20_000, (abortSignal) =>
      context.docker.pull(pulledBase, { abortSignal }),
    );
    await followProgress(context.docker, stream);
    return undefined;
  } catch (error) {
    context.signal.throwIfAborted();
    return messageOf(error);
  }
}

async function build(
  context: Context,
  tag: string,
  contents: Readonly<Record<string, string>>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'oneclick-sandbox-'));
  try {
    for (const [name, content] of Object.entries(contents)) {
      await writeFile(join(folder, name), content, { mode: name.includes('.') ? 0o644 : 0o755 });
    }
    const stream = await context.docker.buildImage(
      { context: folder, src: Object.keys(contents) },
      {
        t: tag,
        rm: true,
        forcerm: true,
        buildargs: proxies(context.env),
        abortSignal: context.signal,
      },
    );
    const output: string[] = [];
    await followProgress(context.docker, stream, (line) => output.push(line.stream ?? '')).catch(
      (error: unknown) => {
        context.signal.throwIfAborted();
        const failure = dockerFailure(error);
        if (failure instanceof SandboxFailure) throw failure;
        const tail = output.join('').trim().split('\n').slice(-3).join(' | ');
        throw new SandboxFailure('image.build', `docker build failed: ${messageOf(error)} (${tail})`, {
          cause: error,
        });
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function proxies(env: Context['env']): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

function hash(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 12);
}
