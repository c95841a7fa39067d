import { join } from 'node:path';
import { Failure } from '../domain/failure.js';
import { MissingSecrets } from '../domain/missing-secrets.js';
import type { Command, CommandResult } from '../host/host.js';
import { namesWithVariables, readEnvFile } from './env-file.js';
import { type Files, shortPath } from './files.js';
import type { Variables } from './interpolate.js';

/** The commands that print secrets, by name; timeouts in ms. */
export type SecretSources = Readonly<
  Record<string, { readonly command?: readonly string[]; readonly timeout?: number }>
>;

/** Runs a command on this machine in the project's folder. Throws a Failure if it cannot start or times out. */
export type RunCommand = (command: Command) => Promise<CommandResult>;

/** The sources of one environment's secrets. */
export interface SecretStoreOptions {
  readonly environment: string;
  /** The project's folder, which may contain `.env.<environment>`. */
  readonly folder: string;
  /** The folder that messages name the file from; by default the project's. */
  readonly cwd?: string;
  readonly sources: SecretSources;
  readonly variables: Variables;
  readonly files: Files;
  readonly run: RunCommand;
  /** Called with each value when it is found, so that later output can be redacted. */
  readonly onFound: (name: string, value: string) => void;
}

/** Reads secrets from the environment, else from `.env.<environment>`, else from a command. */
export interface SecretStore {
  /** Returns the values by name. Throws an access failure `secret.missing` that lists each missing secret and why. */
  get(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Looks up secrets. Never runs commands for `stored` ones: a secret that needs its command is in neither list. */
  find(names: readonly string[], which: 'all' | 'stored'): Promise<FoundSecrets>;
  /** Warns if git does not ignore the file, and if it contains variables, which are not replaced. */
  warnings(): Promise<readonly string[]>;
}

export interface FoundSecrets {
  readonly values: ReadonlyMap<string, string>;
  /** Why the others have no value, by name. */
  readonly missing: Readonly<Record<string, string>>;
}

type LookupResult = { readonly value: string } | { readonly missing: string };

const commandTimeout = 60_000;
const maxErrorLines = 5;

/** Returns a store that reads the file and runs each command at most once. */
export function secretStore(places: SecretStoreOptions): SecretStore {
  const { environment, folder, cwd = folder, files, variables, sources, run, onFound } = places;
  const fileName = `.env.${environment}`;
  const shown = shortPath(join(folder, fileName), cwd);
  const fileText = once(() => files.read(join(folder, fileName)));
  const file = once(async () => {
    const text = await fileText();
    return text === undefined ? undefined : readEnvFile(shown, text);
  });
  const reported = <T extends LookupResult>(name: string, result: T): T => {
    if ('value' in result) onFound(name, result.value);
    return result;
  };
  const stored = onceByName(async (name): Promise<LookupResult> => {
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (variable) return reported(name, { value: variable });
    const values = await file();
    const fileValue = values?.get(name);
    if (fileValue) return reported(name, { value: fileValue });
    const missing = [
      variable === '' ? 'empty in the environment' : 'not in the environment',
      values === undefined ? `no file ${shown}` : fileValue === '' ? `empty in ${shown}` : `not in ${shown}`,
    ];
    return { missing: missing.join(', ') };
  });
  const sourceOf = (name: string) => {
    const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
    return source?.command === undefined ? undefined : { ...source, command: source.command };
  };
  const any = onceByName(async (name): Promise<LookupResult> => {
    const found = await stored(name);
    const source = sourceOf(name);
    if ('value' in found || source === undefined) return found;
    const printed = await runSecretCommand(run, source.command, source.timeout ?? commandTimeout);
    if ('value' in printed) return reported(name, printed);
    return { missing: `${found.missing}, ${printed.missing}` };
  });
  const find: SecretStore['find'] = async (names, which) => {
    const lookUp = which === 'all' ? any : stored;
    const unique = [...new Set(names)];
    const found = await Promise.all(unique.map(async (name) => [name, await lookUp(name)] as const));
    const missing = found.flatMap(([name, result]) =>
      'value' in result || (which === 'stored' && sourceOf(name) !== undefined)
        ? []
        : [[name, result.missing] as const],
    );
    return {
      values: new Map(found.flatMap(([name, result]) => ('value' in result ? [[name, result.value]] : []))),
      missing: Object.fromEntries(missing),
    };
  };
  return {
    find,
    async get(names) {
      const { values, missing } = await find(names, 'all');
      const without = Object.entries(missing).map(([name, why]) => ({ name, why }));
      if (without.length > 0) throw new MissingSecrets(without, environment);
      return values;
    },
    async warnings() {
      const text = await fileText();
      if (text === undefined) return [];
      const unreplaced = namesWithVariables(fileName, text);
      const argv = ['git', 'check-ignore', '--quiet', '--', fileName];
      const answer = await run({ argv, timeout: 5000 }).catch(() => undefined);
      // 0: ignored; 1: not ignored; other codes: no repository or no git.
      return [
        ...(answer?.code === 1
          ? [`git does not ignore ${shown}, which holds secrets: add it to .gitignore`]
          : []),
        ...(unreplaced.length === 0
          ? []
          : [
              `${shown}: variables in ${unreplaced.join(', ')} are not replaced, unlike in docker compose: write the values out, or put them in single quotes to keep the $`,
            ]),
      ];
    },
  };
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

function onceByName<T>(work: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const results = new Map<string, Promise<T>>();
  return (name) => {
    const result = results.get(name) ?? work(name);
    results.set(name, result);
    return result;
  };
}

/** Returns the output without its last line end, as a text file has one. Messages contain stderr only, never stdout. */
async function runSecretCommand(
  run: RunCommand,
  argv: readonly string[],
  timeout: number,
): Promise<LookupResult> {
  const shown = argv.join(' ');
  try {
    const { code, stdout, stderr } = await run({ argv, timeout });
    const lines = stderr.trim().split('\n').slice(-maxErrorLines).join(' / ');
    if (code !== 0) return { missing: `${shown} exited with code ${code}${lines && `: ${lines}`}` };
    const value = stdout.replace(/\r?\n$/, '');
    if (value.trim() === '') return { missing: `${shown} printed nothing` };
    return value.includes('\0') ? { missing: `${shown} printed a NUL byte` } : { value };
  } catch (error) {
    if (error instanceof Failure) return { missing: `${shown}: ${error.message}` };
    throw error;
  }
}
