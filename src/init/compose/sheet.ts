import type { Left, Noted } from '../draft.js';
import type { Cursor } from './cursor.js';
import { fixed, type Translated, translate } from './variables.js';

/** What is known of the variables in an `env_file`. */
export interface EnvFile {
  readonly file: string;
  /** In the order of the file. */
  readonly values: ReadonlyMap<string, { readonly value: string; readonly line: number }>;
  /** Whether it is an example, whose values anybody may see. */
  readonly example: boolean;
}

/** What surrounds a compose file. */
export interface Surroundings {
  /** The folder of the compose file from the folder of the project: `.`, `docker`. */
  readonly folder: string;
  /** By their path in the compose file; what is not there is absent. */
  readonly envFiles: ReadonlyMap<string, EnvFile>;
  /** The names that services get in `oneclick.yml`, by their names in the compose file. */
  readonly names: ReadonlyMap<string, string>;
}

/** A service under way from a compose file to `oneclick.yml`. */
export class Sheet {
  readonly keys: Record<string, unknown> = {};
  readonly left: Left[] = [];
  readonly surroundings: Surroundings;
  readonly service: Cursor;
  readonly name: string;
  readonly #secrets = new Set<unknown>();
  readonly #named: Noted[] = [];

  constructor(name: string, service: Cursor, surroundings: Surroundings) {
    this.name = name;
    this.service = service;
    this.surroundings = surroundings;
  }

  leave(cursor: Cursor, message: string): void {
    this.left.push(cursor.left(message));
  }

  /** The text of a value where `oneclick.yml` replaces variables. */
  put(cursor: Cursor, text = cursor.text ?? ''): string {
    return this.#said(cursor, translate(text));
  }

  /** The text of a value where it does not. */
  fix(cursor: Cursor, text = cursor.text ?? ''): string {
    return this.#said(cursor, fixed(text));
  }

  /** Sets a key of the Docker API's container configuration. */
  docker(key: string, value: unknown): void {
    this.keys.docker = { ...Object(this.keys.docker), [key]: value };
  }

  /** Sets a key of its `HostConfig`. */
  host(key: string, value: unknown): void {
    const { HostConfig: before } = Object(this.keys.docker);
    this.docker('HostConfig', { ...Object(before), [key]: value });
  }

  /** Adds to a key that is a map, in place: there may be thousands. */
  add(key: string, map: Readonly<Record<string, unknown>>): void {
    this.keys[key] = Object.assign(Object(this.keys[key]), map);
  }

  /** Names a secret, once. */
  addSecret(noted: Noted): void {
    if (this.#secrets.has(noted.value)) return;
    this.#secrets.add(noted.value);
    this.#named.push(noted);
    this.keys.secrets = this.#named;
  }

  #said(cursor: Cursor, { text, warnings }: Translated): string {
    for (const warning of warnings) this.leave(cursor, warning);
    return text;
  }
}
