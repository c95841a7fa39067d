import { spawn } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type AptSource, bootstrapSource, parseAptSources } from './apt.js';
import type { Context } from './context.js';
import { followProgress } from './docker.js';
import { SandboxFailure } from './failure.js';

/**
 * Builds the image `tag` without a registry: debootstrap into a folder, then `docker import`.
 * @param reason why no image was pulled, for messages
 * @throws SandboxFailure if the user is not root, or debootstrap is missing or fails
 */
export async function bootstrap(
  context: Context,
  tag: string,
  packages: readonly string[],
  reason: string,
): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new SandboxFailure(
      'image.root',
      `cannot pull an image (${reason}), and only root can bootstrap one`,
      {
        hint: 'run once: sudo oneclick sandbox up',
        exitCode: 4,
      },
    );
  }
  if (!(await exists('/usr/sbin/debootstrap'))) {
    throw new SandboxFailure(
      'image.debootstrap',
      `cannot pull an image (${reason}), and debootstrap is not installed`,
      {
        hint: 'run: apt-get install debootstrap',
      },
    );
  }
  const source = await hostSource();
  context.progress(
    `cannot pull an image: installing ${source.suite} from ${source.mirror} (about two minutes, once)`,
  );
  // /tmp may be small, in memory, or mounted without device nodes.
  const folder = await mkdtemp('/var/tmp/oneclick-sandbox-');
  try {
    await debootstrap(context, folder, packages, source);
    await importFolder(context, tag, folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function hostSource(): Promise<AptSource> {
  const sources: AptSource[] = [];
  const parts = await readdir('/etc/apt/sources.list.d').catch(() => []);
  for (const file of ['sources.list', ...parts.sort().map((name) => `sources.list.d/${name}`)]) {
    const format = file.endsWith('.sources') ? 'sources' : file.endsWith('.list') ? 'list' : undefined;
    if (format === undefined) continue;
    const text = await readFile(join('/etc/apt', file), 'utf8').catch(() => '');
    sources.push(...parseAptSources(text, format));
  }
  const source = bootstrapSource(sources, await readFile('/etc/os-release', 'utf8').catch(() => ''));
  if (source === undefined) {
    throw new SandboxFailure('image.mirror', 'cannot pull an image, and the apt sources have no mirror', {
      hint: 'add a mirror to /etc/apt/sources.list, or load debian:bookworm-slim with docker load',
    });
  }
  return source;
}

async function debootstrap(
  context: Context,
  folder: string,
  packages: readonly string[],
  source: AptSource,
): Promise<void> {
  // Own namespaces: killing it also ends its children and unmounts `folder`.
  const argv = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '/usr/sbin/debootstrap'];
  argv.push(
    '--variant=minbase',
    `--components=${source.components.join(',')}`,
    `--include=${packages.join(',')}`,
  );
  if (source.keyring !== undefined && (await exists(source.keyring)))
    argv.push(`--keyring=${source.keyring}`);
  const child = spawn('unshare', [...argv, source.suite, folder, source.mirror], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: context.signal,
    killSignal: 'SIGKILL',
  });
  const lastLines: string[] = [];
  let stage = '';
  const read = (stream: Readable) =>
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = chunk.split('\n').filter((line) => line.trim() !== '');
      lastLines.push(...lines);
      lastLines.splice(0, lastLines.length - 5);
      for (const [, now = ''] of chunk.matchAll(/^I: (Retrieving|Unpacking|Configuring)/gm)) {
        if (now !== stage) context.progress(`debootstrap: ${now.toLowerCase()} packages`);
        stage = now;
      }
    });
  read(child.stdout);
  read(child.stderr);
  const code = await new Promise<number | null>((resolve, reject) =>
    child.on('close', resolve).on('error', reject),
  );
  if (code !== 0) {
    throw new SandboxFailure('image.bootstrap', `debootstrap failed: ${lastLines.join(' | ')}`, {
      hint: /No space left/.test(lastLines.join())
        ? 'free space in /var/tmp, then run: oneclick sandbox up'
        : 'check the network, then run: oneclick sandbox up',
    });
  }
}

async function importFolder(context: Context, tag: string, folder: string): Promise<void> {
  context.progress('importing the image into Docker');
  const caches = ['./var/cache/apt/archives/*.deb', './var/lib/apt/lists/*'];
  const tar = spawn('tar', ['-C', folder, ...caches.map((path) => `--exclude=${path}`), '-c', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: context.signal,
  });
  const packed = new Promise<void>((resolve, reject) => {
    tar
      .on('error', reject)
      .on('close', (code) => (code === 0 ? resolve() : reject(new Error(`tar: exit ${code}`))));
  });
  const [repo, version] = tag.split(':');
  const imported = context.docker
    .importImage(tar.stdout, { repo, tag: version, abortSignal: context.signal })
    .then((stream) => followProgress(context.docker, stream));
  await Promise.all([imported, packed]);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
