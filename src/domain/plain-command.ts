import { commandLine } from './shell.js';
import type { Target, Tuning } from './target-group.js';

/** A shell command with the same effect as a step, but without lease and undo. */
export interface PlainCommand {
  /** Why, in a few words. */
  readonly why: string;
  /** The host to run it on; absent for this machine. */
  readonly host?: string;
  /** A line for a POSIX shell. Never contains secret values. */
  readonly line: string;
  /** Names of the secrets that the line reads from its environment. */
  readonly secrets: readonly string[];
}

/** A cloud call with the same effect as a step. The cloud's adapter formats it for the cloud's own CLI. */
export interface CloudCommand {
  /** Why, in a few words. */
  readonly why: string;
  readonly call: CloudCall;
}

/** A call to the cloud. Groups are identified as the cloud does, instances by ID. */
export type CloudCall =
  | {
      readonly kind: 'register' | 'wait-healthy' | 'deregister' | 'wait-drained';
      readonly group: string;
      readonly targets: readonly Target[];
    }
  | { readonly kind: 'tag'; readonly instance: string; readonly key: string; readonly value: string }
  | { readonly kind: 'untag'; readonly instance: string; readonly key: string }
  | { readonly kind: 'tune'; readonly group: string; readonly tuning: Tuning };

/** Returns a command for a host that needs no secrets. */
export function onHost(host: string, why: string, line: string): PlainCommand {
  return { host, why, line, secrets: [] };
}

/** Returns a `docker` command for a host. */
export function dockerOn(host: string, why: string, ...argv: readonly string[]): PlainCommand {
  return onHost(host, why, commandLine(['docker', ...argv]));
}
