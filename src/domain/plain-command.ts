import { commandLine } from './shell.js';

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

/** A line for a host that needs no secrets. */
export function onHost(host: string, why: string, line: string): PlainCommand {
  return { host, why, line, secrets: [] };
}

/** The same, of `docker` and these words. */
export function dockerOn(host: string, why: string, ...argv: readonly string[]): PlainCommand {
  return onHost(host, why, commandLine(['docker', ...argv]));
}
