import { createHash } from 'node:crypto';
import type { EnvironmentId } from './environment.js';

/** Above common service ports, and below Linux's ephemeral ports (from 32768). */
const ports = { first: 20_000, count: 10_000 };

/** The temporary registry of a deploy, as seen from a host's engine. */
export interface TransferRegistry {
  readonly port: number;
  /** `127.0.0.1:PORT`: engines require no TLS on loopback. */
  readonly name: string;
}

/** Returns the registry for an environment. The same for every host and deploy, because its name becomes part of image references. */
export function transferRegistry({ project, environment }: EnvironmentId): TransferRegistry {
  const hash = createHash('sha256').update(`${project}/${environment}`).digest();
  const port = ports.first + (hash.readUInt32BE(0) % ports.count);
  return { port, name: `127.0.0.1:${port}` };
}
