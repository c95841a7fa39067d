import type { Annotated, SkippedKey } from '../draft.js';
import type { ComposeNode } from './compose-node.js';
import { type ConvertedText, convertVariables, fillDefaults } from './variables.js';

/** The variables of an `env_file`. */
export interface EnvFile {
  readonly file: string;
  /** In file order. */
  readonly values: ReadonlyMap<string, { readonly value: string; readonly line: number }>;
  /** Whether it is an example file, whose values are public. */
  readonly example: boolean;
}

/** The context of a compose file. */
export interface ComposeContext {
  /** The folder of the compose file, relative to the project: `.`, `docker`. */
  readonly folder: string;
  /** By path in the compose file; missing files are absent. */
  readonly envFiles: ReadonlyMap<string, EnvFile>;
  /** Service names in `oneclick.yml`, by name in the compose file. */
  readonly names: ReadonlyMap<string, string>;
}

/** Collects the keys of a service while it is converted, and those that were skipped. */
export class ServiceBuilder {
  readonly keys: Record<string, unknown> = {};
  readonly skipped: SkippedKey[] = [];
  readonly context: ComposeContext;
  readonly service: ComposeNode;
  readonly name: string;
  readonly #secrets = new Set<unknown>();
  readonly #secretNodes: Annotated[] = [];

  constructor(name: string, service: ComposeNode, surroundings: ComposeContext) {
    this.name = name;
    this.service = service;
    this.context = surroundings;
  }

  skip(node: ComposeNode, message: string): void {
    this.skipped.push(node.skipped(message));
  }

  /** Converts the text of a key that `oneclick.yml` interpolates. */
  interpolatedText(node: ComposeNode, text = node.text ?? ''): string {
    return this.#convert(node, convertVariables(text));
  }

  /** Converts the text of a key that `oneclick.yml` does not interpolate. */
  fixedText(node: ComposeNode, text = node.text ?? ''): string {
    return this.#convert(node, fillDefaults(text));
  }

  /** Sets a Docker API key. */
  setDocker(key: string, value: unknown): void {
    this.keys.docker = { ...Object(this.keys.docker), [key]: value };
  }

  /** Sets a Docker API key under `HostConfig`. */
  setHostConfig(key: string, value: unknown): void {
    const { HostConfig: before } = Object(this.keys.docker);
    this.setDocker('HostConfig', { ...Object(before), [key]: value });
  }

  /** Adds entries to a map in place: copying thousands would be quadratic. */
  add(key: string, map: Readonly<Record<string, unknown>>): void {
    this.keys[key] = Object.assign(Object(this.keys[key]), map);
  }

  /** Adds a secret unless it is already listed. */
  addSecret(annotated: Annotated): void {
    if (this.#secrets.has(annotated.value)) return;
    this.#secrets.add(annotated.value);
    this.#secretNodes.push(annotated);
    this.keys.secrets = this.#secretNodes;
  }

  #convert(node: ComposeNode, { text, warnings }: ConvertedText): string {
    for (const warning of warnings) this.skip(node, warning);
    return text;
  }
}
