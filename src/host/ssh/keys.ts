import { readFile } from 'node:fs/promises';
import type { AnyAuthMethod, BaseAgent, ParsedKey } from 'ssh2';
import { Failure } from '../../domain/failure.js';
import type { KeyFile, SshTarget } from './config.js';
import { fingerprint } from './known-hosts.js';

/** Asks a person for the passphrase of a private key; undefined when there is nobody to ask, or no answer. */
export type AskPassphrase = (path: string) => Promise<string | undefined>;

/** A way to log in, with what people call it. */
export interface Offer {
  readonly label: string;
  readonly method: AnyAuthMethod;
}

/** What can be offered to a host, in this order. */
export interface Offers {
  readonly ready: readonly Offer[];
  /** Private keys that need a passphrase first. */
  readonly locked: readonly string[];
}

type Loaded =
  | { readonly kind: 'key'; readonly path: string; readonly key: ParsedKey }
  | { readonly kind: 'locked'; readonly path: string; readonly blob?: Buffer };

const one = <T>(value: T | T[]): T | undefined => (Array.isArray(value) ? value[0] : value);

/** The private keys and agents of the person, each read and unlocked once for all hosts. */
export class Keyring {
  readonly #ask: AskPassphrase | undefined;
  readonly #files = new Map<string, Promise<Loaded | undefined>>();
  readonly #agents = new Map<string, Promise<{ agent: BaseAgent<ParsedKey>; keys: ParsedKey[] }>>();
  readonly #unlocked = new Map<string, Promise<ParsedKey>>();

  constructor(ask?: AskPassphrase) {
    this.#ask = ask;
  }

  /** As `ssh` does: named keys first, by the agent where it has them, then the agent's others. */
  async offers(target: SshTarget): Promise<Offers> {
    const [files, { agent, keys }] = await Promise.all([
      Promise.all(target.keys.map((file) => this.#file(file, target.name))),
      this.#agent(target.agent),
    ]);
    const ready: Offer[] = [];
    const locked: string[] = [];
    const left = new Set(keys);
    const byAgent = (key: ParsedKey): Offer => ({
      label: `the agent's key ${fingerprint(key.getPublicSSH())}`,
      method: { type: 'agent', username: target.user, agent: only(agent, key) },
    });
    for (const file of files) {
      if (file === undefined) continue;
      const blob = file.kind === 'key' ? file.key.getPublicSSH() : file.blob;
      const held = blob === undefined ? undefined : keys.find((key) => key.getPublicSSH().equals(blob));
      if (held !== undefined) {
        left.delete(held);
        ready.push(byAgent(held));
      } else if (file.kind === 'locked') locked.push(file.path);
      else ready.push(byFile(target, file.path, file.key));
    }
    if (!target.onlyTheseKeys) ready.push(...[...left].map(byAgent));
    return { ready, locked };
  }

  /** Unlocks a key with a passphrase that a person is asked for, once. Throws a failure of kind `access`. */
  async unlock(target: SshTarget, path: string): Promise<Offer> {
    const known = this.#unlocked.get(path) ?? this.#decrypt(path);
    this.#unlocked.set(path, known);
    return byFile(target, path, await known);
  }

  async #decrypt(path: string): Promise<ParsedKey> {
    const hint = `Run \`ssh-add ${path}\` first.`;
    const passphrase = await this.#ask?.(path);
    if (passphrase === undefined)
      throw new Failure('access', 'host.key-locked', `the key ${path} has a passphrase`, { hint });
    const { utils } = (await import('ssh2')).default;
    const key = one(utils.parseKey(await readFile(path), passphrase));
    if (key === undefined || key instanceof Error)
      throw new Failure('access', 'host.key-locked', `that is not the passphrase of ${path}`, { hint });
    return key;
  }

  #file({ path, required }: KeyFile, host: string): Promise<Loaded | undefined> {
    const known = this.#files.get(path) ?? load(path);
    this.#files.set(path, known);
    return known.then((file) => {
      if (file === undefined && required)
        throw new Failure('access', 'host.key-missing', `there is no private key ${path}`, {
          host,
          hint: 'Name another one under `ssh: key:`, or leave it out to use those of `~/.ssh` and of the agent.',
        });
      return file;
    });
  }

  async #agent(socket: string | undefined): Promise<{ agent?: BaseAgent<ParsedKey>; keys: ParsedKey[] }> {
    if (socket === undefined) return { keys: [] };
    const known = this.#agents.get(socket) ?? askAgent(socket);
    this.#agents.set(socket, known);
    // An agent that is gone is as good as none: `ssh` goes on with the files, too.
    return known.catch(() => ({ keys: [] }));
  }
}

const byFile = ({ user }: SshTarget, path: string, key: ParsedKey): Offer => ({
  label: path,
  method: { type: 'publickey', username: user, key },
});

async function load(path: string): Promise<Loaded | undefined> {
  const { utils } = (await import('ssh2')).default;
  const text = await readFile(path).catch(() => undefined);
  if (text === undefined) return undefined;
  const key = one(utils.parseKey(text));
  if (key !== undefined && !(key instanceof Error)) return { kind: 'key', path, key };
  if (!/encrypted/i.test(key?.message ?? '')) return undefined;
  const shown = await readFile(`${path}.pub`).catch(() => undefined);
  const open = shown === undefined ? undefined : one(utils.parseKey(shown));
  return open === undefined || open instanceof Error
    ? { kind: 'locked', path }
    : { kind: 'locked', path, blob: open.getPublicSSH() };
}

async function askAgent(socket: string): Promise<{ agent: BaseAgent<ParsedKey>; keys: ParsedKey[] }> {
  const { createAgent } = (await import('ssh2')).default;
  const agent = createAgent(socket) as BaseAgent<ParsedKey>;
  const keys = await new Promise<ParsedKey[]>((resolve, reject) => {
    agent.getIdentities((error, found) => (error ? reject(error) : resolve((found ?? []) as ParsedKey[])));
  });
  return { agent, keys };
}

/** The agent as if it had this key alone. */
function only(agent: BaseAgent<ParsedKey> | undefined, key: ParsedKey): BaseAgent<ParsedKey> {
  return Object.create(agent ?? null, {
    getIdentities: { value: (done: (error: undefined, keys: ParsedKey[]) => void) => done(undefined, [key]) },
  });
}
