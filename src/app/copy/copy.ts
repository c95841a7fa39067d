import { resolve } from 'node:path';
import { absolute, type Ends, landingHere, landingThere } from './ends.js';
import { pack } from './pack.js';
import type { Copy } from './sides.js';
import type { Tally } from './tally.js';
import { unpack } from './unpack.js';

export interface CopyOptions {
  /** Counts what was copied. */
  readonly tally: Tally;
  /** Lets the archive through, and may look at it. */
  readonly pass: (archive: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
}

/** Copies into a container, or out of it, piece by piece. Throws a Failure, or the signal's reason; no file is left half written here. */
export async function copyFiles(copy: Copy, ends: Ends, { tally, pass, signal }: CopyOptions): Promise<void> {
  const { engine, container, cwd } = ends;
  if (copy.out) {
    const to = await landingHere(copy, ends);
    let unpacked = Promise.resolve();
    const take = (archive: AsyncIterable<Buffer>) => {
      unpacked = unpack(pass(archive), to, tally);
      return unpacked;
    };
    const over = engine.readFiles(container, absolute(copy.there.path), take, signal);
    // The engine's call ends with the signal; what is half written is then still to be removed.
    await over.finally(() => unpacked.catch(() => undefined));
    return;
  }
  const { folder, name } = await landingThere(copy, ends);
  await engine.writeFiles(container, folder, pass(pack(resolve(cwd, copy.here), name, tally)), signal);
}
