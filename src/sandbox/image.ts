import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap } from './bootstrap.js';
import type { Context } from './context.js';
import { dockerFailure, follow, ifExists, messageOf } from './docker.js';
import { SandboxFailure } from './failure.js';
import { dockerfile, files, packages } from './files.js';
import { within } from './wait.js';

/** What the image starts from where images can be pulled. */
const pulledBase = 'debian:bookworm-slim';

const base = `oneclick-sandbox-base:${hash(packages.join(' '))}`;
const image = `oneclick-sandbox:${hash(base, dockerfile(base), JSON.stringify(files))}`;

/**
 * The tag of the image that serves all roles; made when it does not exist yet. The tag is a hash of the recipe, so
 * a changed recipe is a new image; the slow part, the packages, is an image of its own and made once.
 * @throws SandboxFailure when it can neither be built from a pulled image nor bootstrapped.
 */
export async function ensureImage(context: Context): Promise<string> {
  if (await exists(context, image)) return image;
  if (!(await exists(context, base))) await makeBase(context);
  context.progress('Building the image of the machines');
  await build(context, image, { Dockerfile: dockerfile(base), ...files });
  return image;
}

async function exists(context: Context, tag: string): Promise<boolean> {
  return (await ifExists(context.docker.getImage(tag).inspect())) !== undefined;
}

async function makeBase(context: Context): Promise<void> {
  const whyNotPulled = await pull(context);
  if (whyNotPulled === undefined) {
    context.progress(`Installing packages on ${pulledBase} (about a minute, once)`);
    const install = `apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(' ')} && rm -rf /var/lib/apt/lists/*`;
    try {
      await build(context, base, { Dockerfile: `FROM ${pulledBase}\nRUN ${install}\n` });
      return;
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof SandboxFailure && error.code === 'disk.full') throw error;
      context.progress(`That did not work (${messageOf(error)})`);
    }
  }
  await bootstrap(context, base, packages, whyNotPulled ?? `its packages could not be installed`);
}

/** Pulls the base image unless it is there; answers why that is impossible, if it is. */
async function pull(context: Context): Promise<string | undefined> {
  if (await exists(context, pulledBase)) return undefined;
  context.progress(`Pulling ${pulledBase}`);
  try {
    // A registry that neither answers nor refuses (a silent firewall) counts as none.
    const stream = await within(context, 20_000, (abortSignal) =>
      context.docker.pull(pulledBase, { abortSignal }),
    );
    await follow(context.docker, stream);
    return undefined;
  } catch (error) {
    context.signal.throwIfAborted();
    return messageOf(error);
  }
}

/** `docker build` with these files as its context. */
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
    const said: string[] = [];
    await follow(context.docker, stream, (line) => said.push(line.stream ?? '')).catch((error: unknown) => {
      context.signal.throwIfAborted();
      const told = dockerFailure(error);
      if (told instanceof SandboxFailure) throw told;
      const last = said.join('').trim().split('\n').slice(-3).join(' | ');
      throw new SandboxFailure('image.build', `docker build failed: ${messageOf(error)} (${last})`, {
        cause: error,
      });
    });
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
