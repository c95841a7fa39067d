import type { RemoteProcess } from '../../src/host/host.js';
import { FakeRemoteProcess } from './remote-process.js';

/** The lease holders of a host, like the shell script in src/host/lease/lease-holder.ts. */
export class FakeLeaseHolders {
  /** The holder as JSON and its step, by lock. */
  readonly #locks = new Map<string, { readonly holder: string; step: string }>();

  /** The held locks. */
  get held(): readonly string[] {
    return [...this.#locks.keys()];
  }

  /** Runs the command line of a lease holder. */
  readonly hold = (argv: readonly string[]): RemoteProcess => {
    const [action, path = '', holder = ''] = argv.slice(argv.indexOf('oneclick-lease') + 1);
    if (action !== 'take') throw new Error(`not a lease holder: ${argv.slice(3).join(' ')}`);
    const busy = this.#locks.get(path);
    if (busy !== undefined) return new FakeRemoteProcess(`busy\t${busy.holder}\t${busy.step}`);
    const lock = { holder, step: '' };
    this.#locks.set(path, lock);
    const held = new FakeRemoteProcess('held');
    held.onWrite = (line) => {
      if (line === 'release') return held.end();
      lock.step = line.replace(/^beat /, '');
      held.print('.');
    };
    void held.ended.then(() => this.#locks.delete(path));
    return held;
  };
}
