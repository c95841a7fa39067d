import { commandLine } from './shell.js';
import type { Target, Tuning } from './target-group.js';

/** A command that a person would type to do what a step does, without its lease and its undo. */
export interface PlainCommand {
  /** Why, in a few words. */
  readonly why: string;
  /** The name of the host that it is for; absent where it is for this machine. */
  readonly host?: string;
  /** For a POSIX shell there. No value of a secret is in it. */
  readonly line: string;
  /** The names of the secrets that the line takes from its environment. */
  readonly secrets: readonly string[];
}

/** The same for a call to the cloud, which its adapter spells in the words of the cloud's own tool. */
export interface CloudCommand {
  /** Why, in a few words. */
  readonly why: string;
  readonly call: CloudCall;
}

/** A call to the cloud. Groups are named by what the cloud calls them, instances by their IDs. */
export type CloudCall =
  | {
      readonly kind: 'register' | 'wait-healthy' | 'deregister' | 'wait-drained';
      readonly group: string;
      readonly targets: readonly Target[];
    }
  | { readonly kind: 'tag'; readonly instance: string; readonly key: string; readonly value: string }
  | { readonly kind: 'untag'; readonly instance: string; readonly key: string }
  | { readonly kind: 'tune'; readonly group: string; readonly tuning: Tuning };

/** A line for a host that needs no secrets. */
export function onHost(host: string, why: string, line: string): PlainCommand {
  return { host, why, line, secrets: [] };
}

/** The same, of `docker` and these words. */
export function dockerOn(host: string, why: string, ...argv: readonly string[]): PlainCommand {
  return onHost(host, why, commandLine(['docker', ...argv]));
}
