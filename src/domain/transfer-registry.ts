import { createHash } from 'node:crypto';
import type { EnvironmentId } from './environment.js';

/** Between what services usually listen on and what Linux takes for connections that leave (from 32768). */
const ports = { first: 20_000, count: 10_000 };

/** A registry as the engine of a host names it. */
export interface TransferRegistry {
  readonly port: number;
  /** `127.0.0.1:PORT`: an engine wants no certificate of its own loopback. */
  readonly name: string;
}

/**
 * The registry that a deploy lends to the hosts of an environment. It is the same on each of them and at every deploy, for its name
 * becomes part of those of the images.
 */
export function transferRegistry({ project, environment }: EnvironmentId): TransferRegistry {
  const hash = createHash('sha256').update(`${project}/${environment}`).digest();
  const port = ports.first + (hash.readUInt32BE(0) % ports.count);
  return { port, name: `127.0.0.1:${port}` };
}
