import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { Context } from './context.js';

/** Paths of the sandbox's files; `up` can recreate all of them. */
export interface StateFiles {
  readonly folder: string;
  readonly key: string;
  readonly publicKey: string;
  readonly knownHosts: string;
  /** The endpoint's log, rotated to stay below 2 MB. */
  readonly log: string;
  /** An environment file that any project can deploy to. */
  readonly environment: string;
}

/** Returns the paths for the sandbox `name`, below XDG_STATE_HOME. */
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

/** Returns the sandbox's public key in authorized_keys format, generating the pair if needed. */
export async function ensureKey(files: StateFiles, name: string): Promise<string> {
  const present = await readFile(files.publicKey, 'utf8').catch(() => undefined);
  if (present !== undefined) return present.trim();
  const pair = await generateKey(`oneclick sandbox ${name}`);
  await writeAtomically(files.key, pair.private, 0o600);
  await writeAtomically(files.publicKey, `${pair.public}\n`, 0o644);
  return pair.public;
}

/** Generates an ed25519 key pair; retries because ssh2 sometimes generates an unreadable key. */
export async function generateKey(comment: string) {
  const { default: ssh } = await import('ssh2');
  for (;;) {
    const pair = ssh.utils.generateKeyPairSync('ed25519', { comment });
    if (!(ssh.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}

/** A machine as the files list it. */
export interface HostEntry {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  /** `ssh-ed25519 AAAA…` */
  readonly hostKey: string;
}

/** Writes known_hosts and the environment; `others` appear in known_hosts only. */
export async function writeFiles(
  files: StateFiles,
  machines: readonly HostEntry[],
  registry: string,
  others: readonly HostEntry[] = [],
): Promise<void> {
  const pinned = [...machines, ...others].map(
    ({ name, address, hostKey }) => `${address},${name} ${hostKey}\n`,
  );
  await writeAtomically(files.knownHosts, pinned.join(''), 0o644);
  await writeAtomically(files.environment, environmentText(files, machines, registry), 0o644);
}

/** Returns the environment in the format of oneclick.yml. */
export function environmentText(
  files: StateFiles,
  machines: readonly Omit<HostEntry, 'hostKey'>[],
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

/** Removes the sandbox's files. */
export async function removeFiles(files: StateFiles): Promise<void> {
  await rm(files.environment, { force: true });
  await rm(files.folder, { recursive: true, force: true });
}

async function writeAtomically(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, path);
}
