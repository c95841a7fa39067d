import { Failure } from '../../domain/failure.js';
import type { SshTarget } from './config.js';
import { keyFailure } from './key-failures.js';
import { addKnownHost, type KnownKeys, keyOwner } from './known-hosts.js';

/** Checks the host key of one connection: the first time against the known keys, later against the accepted one. */
export class HostKeyCheck {
  /** Why the first key was refused. */
  failure: Failure | undefined;
  readonly #target: SshTarget;
  readonly #known: KnownKeys;
  readonly #sock: { readonly destroyed: boolean };
  #accepted: Buffer | undefined;

  constructor(target: SshTarget, known: KnownKeys, sock: { readonly destroyed: boolean }) {
    this.#target = target;
    this.#known = known;
    this.#sock = sock;
  }

  /**
   * ssh2's `hostVerifier`, which is also called when the server renews the session keys. It then answers before it
   * returns: ssh2 corrupts the packets that it sends while it waits for an answer.
   */
  readonly verify = (key: Buffer, answer: (valid: boolean) => void): void => {
    if (this.#accepted !== undefined) {
      answer(this.#accepted.equals(key));
      return;
    }
    void this.#verifyFirst(key).then((failure) => {
      this.failure = failure;
      if (failure === undefined) this.#accepted = Buffer.from(key);
      // ssh2 throws if its connection is closed.
      if (!this.#sock.destroyed) answer(failure === undefined);
    });
  };

  /** Returns the failure of an untrusted key; saves a new key if `accept-new` is set. */
  async #verifyFirst(key: Buffer): Promise<Failure | undefined> {
    const { name, knownHosts, hostKeys } = this.#target;
    const status = this.#known.check(key);
    const [file] = knownHosts;
    if (status.kind !== 'unknown' || hostKeys !== 'accept-new' || file === undefined)
      return keyFailure(this.#target, key, status);
    try {
      await addKnownHost(keyOwner(this.#target), key, file);
      return undefined;
    } catch (error) {
      const message = `cannot save the host key of ${name}: ${String(error)}`;
      return new Failure('access', 'host.key-unknown', message, { host: name });
    }
  }
}
