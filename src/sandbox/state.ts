import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { Context } from './context.js';

/** The files that a sandbox leaves for others to read; all of them can be written again by `up`. */
export interface StateFiles {
  readonly folder: string;
  readonly key: string;
  readonly publicKey: string;
  readonly knownHosts: string;
  /** What the endpoint has to say; it keeps the file below 2 MB. */
  readonly log: string;
  /** An environment that any project can deploy to. */
  readonly environment: string;
}

/** Where the files of the sandbox `name` are, below XDG_STATE_HOME. */
export function stateFiles(env: Context['env'], name: string): StateFiles {
  const home = join(env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local/state'), 'oneclick');
  const folder = join(home, 'sandbox', name);
  return {
    folder,
    key: join(folder, 'key'),
    publicKey: join(folder, 'key.pub'),
    knownHosts: join(folder, 'known_hosts'),
    log: join(folder, 'endpoint.log'),
    environment: join(home, 'environments', name === 'default' ? 'sandbox.yml' : `sandbox-${name}.yml`),
  };
}

/** The public key that opens the machines, as authorized_keys writes it; made when there is none. */
export async function ensureKey(files: StateFiles, name: string): Promise<string> {
  const present = await readFile(files.publicKey, 'utf8').catch(() => undefined);
  if (present !== undefined) return present.trim();
  const pair = await makeKey(`oneclick sandbox ${name}`);
  await write(files.key, pair.private, 0o600);
  await write(files.publicKey, `${pair.public}\n`, 0o644);
  return pair.public;
}

/** A key pair of ed25519. ssh2 makes one unreadable key in some hundreds; that one is made again. */
export async function makeKey(comment: string) {
  const { default: ssh } = await import('ssh2');
  for (;;) {
    const pair = ssh.utils.generateKeyPairSync('ed25519', { comment });
    if (!(ssh.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}

/** A machine as the files name it. */
export interface Listed {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  /** `ssh-ed25519 AAAA…` */
  readonly hostKey: string;
}

/** Pins the host keys and writes the environment; `others` are pinned, but are no hosts of it. */
export async function writeFiles(
  files: StateFiles,
  machines: readonly Listed[],
  registry: string,
  others: readonly Listed[] = [],
): Promise<void> {
  const pinned = [...machines, ...others].map(
    ({ name, address, hostKey }) => `${address},${name} ${hostKey}\n`,
  );
  await write(files.knownHosts, pinned.join(''), 0o644);
  await write(files.environment, environmentText(files, machines, registry), 0o644);
}

/** The environment as oneclick.yml would have it. */
export function environmentText(
  files: StateFiles,
  machines: readonly Omit<Listed, 'hostKey'>[],
  registry: string,
): string {
  const hosts = machines.map(({ name, address, id }) => [name, { address, port: 22, id }]);
  const environment = {
    hosts: Object.fromEntries(hosts),
    ssh: { user: 'deploy', key: files.key, known_hosts: files.knownHosts },
    registry,
  };
  return `# Written by \`oneclick sandbox up\`; removed by \`oneclick sandbox down\`.\n${stringify(environment)}`;
}

/** Removes all files of the sandbox. */
export async function removeFiles(files: StateFiles): Promise<void> {
  await rm(files.environment, { force: true });
  await rm(files.folder, { recursive: true, force: true });
}

/** Writes the whole file or leaves the old one. */
async function write(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, text, { mode });
  await rename(draft, path);
}
