import { resolve } from 'node:path';
import type { Copy } from './copy-arguments.js';
import type { CopyCount } from './copy-count.js';
import { pack } from './pack.js';
import {
  absolutePath,
  type CopyContext,
  containerDestination,
  localDestination,
} from './resolve-destination.js';
import { unpack } from './unpack.js';

export interface CopyOptions {
  /** Counts the copied files. */
  readonly count: CopyCount;
  /** Passes the archive through, and may observe it. */
  readonly observe: (archive: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
}

/** Copies into or out of a container as a stream. Throws a Failure, or the signal's reason; leaves no partial local file. */
export async function copyFiles(
  copy: Copy,
  context: CopyContext,
  { count, observe, signal }: CopyOptions,
): Promise<void> {
  const { engine, container, cwd } = context;
  if (copy.out) {
    const destination = await localDestination(copy, context);
    let unpacked = Promise.resolve();
    const take = (archive: AsyncIterable<Buffer>) => {
      unpacked = unpack(observe(archive), destination, count);
      return unpacked;
    };
    const finished = engine.readFiles(container, absolutePath(copy.remote.path), take, signal);
    // An aborted call must not return before partial files are removed.
    await finished.finally(() => unpacked.catch(() => undefined));
    return;
  }
  const { folder, name } = await containerDestination(copy, context);
  await engine.writeFiles(container, folder, observe(pack(resolve(cwd, copy.local), name, count)), signal);
}
