import { spawn } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type AptSource, bootstrapSource, parseAptSources } from './apt.js';
import type { Context } from './context.js';
import { follow } from './docker.js';
import { SandboxFailure } from './failure.js';

/**
 * Makes the image `tag` without pulling anything: debootstrap into a folder, `docker import` from there.
 * @param why why nothing was pulled, for the message
 * @throws SandboxFailure when this user is not root, or debootstrap is not installed, or it fails
 */
export async function bootstrap(
  context: Context,
  tag: string,
  packages: readonly string[],
  why: string,
): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new SandboxFailure(
      'image.root',
      `no image can be pulled (${why}), and bootstrapping one takes root`,
      {
        hint: 'sudo oneclick sandbox up   (once: the image is kept)',
        exitCode: 4,
      },
    );
  }
  if (!(await exists('/usr/sbin/debootstrap'))) {
    throw new SandboxFailure(
      'image.debootstrap',
      `no image can be pulled (${why}), and debootstrap is missing`,
      {
        hint: 'apt-get install debootstrap',
      },
    );
  }
  const source = await ownSource();
  context.progress(
    `No image can be pulled: installing ${source.suite} from ${source.mirror} (about two minutes, once)`,
  );
  // Not in /tmp: it may be small, in memory, or forbid device nodes.
  const folder = await mkdtemp('/var/tmp/oneclick-sandbox-');
  try {
    await debootstrap(context, folder, packages, source);
    await importFolder(context, tag, folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function ownSource(): Promise<AptSource> {
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
    throw new SandboxFailure('image.mirror', 'no image can be pulled, and the apt sources name no mirror', {
      hint: 'name one in /etc/apt/sources.list, or load an image debian:bookworm-slim (docker load)',
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
  // In namespaces of its own: when it is killed, its children and its mounts below `folder` go with it.
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
  const last: string[] = [];
  let stage = '';
  const listen = (stream: Readable) =>
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = chunk.split('\n').filter((line) => line.trim() !== '');
      last.push(...lines);
      last.splice(0, last.length - 5);
      for (const [, now = ''] of chunk.matchAll(/^I: (Retrieving|Unpacking|Configuring)/gm)) {
        if (now !== stage) context.progress(`debootstrap: ${now.toLowerCase()} packages`);
        stage = now;
      }
    });
  listen(child.stdout);
  listen(child.stderr);
  const code = await new Promise<number | null>((resolve, reject) =>
    child.on('close', resolve).on('error', reject),
  );
  if (code !== 0) {
    throw new SandboxFailure('image.bootstrap', `debootstrap failed: ${last.join(' | ')}`, {
      hint: /No space left/.test(last.join())
        ? 'free some space in /var/tmp'
        : 'run it again; look at the network',
    });
  }
}

async function importFolder(context: Context, tag: string, folder: string): Promise<void> {
  context.progress('Importing it into Docker');
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
    .then((stream) => follow(context.docker, stream));
  await Promise.all([imported, packed]);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
