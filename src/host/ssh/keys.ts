import { readFile } from 'node:fs/promises';
import type { AnyAuthMethod, BaseAgent, ParsedKey } from 'ssh2';
import { Failure } from '../../domain/failure.js';
import type { KeyFile, SshTarget } from './config.js';
import { fingerprint } from './known-hosts.js';

/** Prompts for the passphrase of a private key; returns undefined without a terminal or an answer. */
export type AskPassphrase = (path: string) => Promise<string | undefined>;

/** A login method, with a label for messages. */
export interface LoginMethod {
  readonly label: string;
  readonly method: AnyAuthMethod;
}

/** Login methods for a host, in order. */
export interface LoginMethods {
  readonly ready: readonly LoginMethod[];
  /** Paths of private keys that need a passphrase. */
  readonly locked: readonly string[];
}

type LoadedKey =
  | { readonly kind: 'key'; readonly path: string; readonly key: ParsedKey }
  | { readonly kind: 'locked'; readonly path: string; readonly blob?: Buffer };

const firstOf = <T>(value: T | T[]): T | undefined => (Array.isArray(value) ? value[0] : value);

/** The user's private keys and agents, each read and unlocked once for all hosts. */
export class Keyring {
  readonly #ask: AskPassphrase | undefined;
  readonly #files = new Map<string, Promise<LoadedKey | undefined>>();
  readonly #agents = new Map<string, Promise<{ agent: BaseAgent<ParsedKey>; keys: ParsedKey[] }>>();
  readonly #unlocked = new Map<string, Promise<ParsedKey>>();

  constructor(askPassphrase?: AskPassphrase) {
    this.#ask = askPassphrase;
  }

  /** Orders keys as `ssh` does: configured keys first, then the agent's others. */
  async loginMethods(target: SshTarget): Promise<LoginMethods> {
    const [files, { agent, keys }] = await Promise.all([
      Promise.all(target.keys.map((file) => this.#file(file, target.name))),
      this.#agent(target.agent),
    ]);
    const ready: LoginMethod[] = [];
    const locked: string[] = [];
    const left = new Set(keys);
    const agentMethod = (key: ParsedKey): LoginMethod => ({
      label: `the agent's key ${fingerprint(key.getPublicSSH())}`,
      method: { type: 'agent', username: target.user, agent: withOnlyKey(agent, key) },
    });
    for (const file of files) {
      if (file === undefined) continue;
      const blob = file.kind === 'key' ? file.key.getPublicSSH() : file.blob;
      const agentKey = blob === undefined ? undefined : keys.find((key) => key.getPublicSSH().equals(blob));
      if (agentKey !== undefined) {
        left.delete(agentKey);
        ready.push(agentMethod(agentKey));
      } else if (file.kind === 'locked') locked.push(file.path);
      else ready.push(fileMethod(target, file.path, file.key));
    }
    if (!target.onlyTheseKeys) ready.push(...[...left].map(agentMethod));
    return { ready, locked };
  }

  /** Throws a failure of kind `access` if a configured key is missing, or needs a passphrase. */
  async checkKeys(target: SshTarget): Promise<void> {
    const { locked } = await this.loginMethods(target);
    if (locked[0] !== undefined) throw lockedFailure(locked[0]);
  }

  /** Prompts for a key's passphrase, once per key. Throws a failure of kind `access` if it stays locked. */
  async unlock(target: SshTarget, path: string): Promise<LoginMethod> {
    const cached = this.#unlocked.get(path) ?? this.#decrypt(path);
    this.#unlocked.set(path, cached);
    return fileMethod(target, path, await cached);
  }

  async #decrypt(path: string): Promise<ParsedKey> {
    const passphrase = await this.#ask?.(path);
    if (passphrase === undefined) throw lockedFailure(path);
    const { utils } = (await import('ssh2')).default;
    const key = firstOf(utils.parseKey(await readFile(path), passphrase));
    if (key === undefined || key instanceof Error)
      throw new Failure('access', 'host.key-locked', `wrong passphrase for ${path}`, {
        hint: `run: ssh-add ${path}`,
      });
    return key;
  }

  #file({ path, required }: KeyFile, host: string): Promise<LoadedKey | undefined> {
    const cached = this.#files.get(path) ?? loadKey(path);
    this.#files.set(path, cached);
    return cached.then((file) => {
      if (file === undefined && required)
        throw new Failure('access', 'host.key-missing', `private key not found: ${path}`, {
          host,
          hint: 'change `ssh: key:`, or remove it to use the keys in `~/.ssh` and the agent',
        });
      return file;
    });
  }

  async #agent(socket: string | undefined): Promise<{ agent?: BaseAgent<ParsedKey>; keys: ParsedKey[] }> {
    if (socket === undefined) return { keys: [] };
    const cached = this.#agents.get(socket) ?? openAgent(socket);
    this.#agents.set(socket, cached);
    // `ssh` also falls back to key files without an agent.
    return cached.catch(() => ({ keys: [] }));
  }
}

const lockedFailure = (path: string) =>
  new Failure('access', 'host.key-locked', `the key ${path} needs a passphrase`, {
    hint: `run: ssh-add ${path}`,
  });

const fileMethod = ({ user }: SshTarget, path: string, key: ParsedKey): LoginMethod => ({
  label: path,
  method: { type: 'publickey', username: user, key },
});

async function loadKey(path: string): Promise<LoadedKey | undefined> {
  const { utils } = (await import('ssh2')).default;
  const text = await readFile(path).catch(() => undefined);
  if (text === undefined) return undefined;
  const key = firstOf(utils.parseKey(text));
  if (key !== undefined && !(key instanceof Error)) return { kind: 'key', path, key };
  if (!/encrypted/i.test(key?.message ?? '')) return undefined;
  const publicFile = await readFile(`${path}.pub`).catch(() => undefined);
  const publicKey = publicFile === undefined ? undefined : firstOf(utils.parseKey(publicFile));
  return publicKey === undefined || publicKey instanceof Error
    ? { kind: 'locked', path }
    : { kind: 'locked', path, blob: publicKey.getPublicSSH() };
}

async function openAgent(socket: string): Promise<{ agent: BaseAgent<ParsedKey>; keys: ParsedKey[] }> {
  const { createAgent } = (await import('ssh2')).default;
  const agent = createAgent(socket) as BaseAgent<ParsedKey>;
  const keys = await new Promise<ParsedKey[]>((resolve, reject) => {
    agent.getIdentities((error, found) => (error ? reject(error) : resolve((found ?? []) as ParsedKey[])));
  });
  return { agent, keys };
}

/** Restricts an agent to one key. */
function withOnlyKey(agent: BaseAgent<ParsedKey> | undefined, key: ParsedKey): BaseAgent<ParsedKey> {
  return Object.create(agent ?? null, {
    getIdentities: { value: (done: (error: undefined, keys: ParsedKey[]) => void) => done(undefined, [key]) },
  });
}
