import { join } from 'node:path';
import { Failure } from '../domain/failure.js';
import type { Command, CommandResult } from '../host/host.js';
import { readEnvFile } from './env-file.js';
import type { Files } from './files.js';
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
  /** Warns if git does not ignore the file. */
  warnings(): Promise<readonly string[]>;
}

type LookupResult = { readonly value: string } | { readonly missing: string };

const commandTimeout = 60_000;
const maxErrorLines = 5;

/** Returns a store that reads the file and runs each command at most once. */
export function secretStore(places: SecretStoreOptions): SecretStore {
  const fileName = `.env.${places.environment}`;
  const path = join(places.folder, fileName);
  const once = new Map<string, Promise<LookupResult>>();
  let envFile: Promise<ReadonlyMap<string, string> | undefined> | undefined;
  const file = () => {
    envFile ??= places.files
      .read(path)
      .then((text) => (text === undefined ? undefined : readEnvFile(fileName, text)));
    return envFile;
  };
  const find = async (name: string): Promise<LookupResult> => {
    const found = await lookUp(name);
    if ('value' in found) places.onFound(name, found.value);
    return found;
  };
  const lookUp = async (name: string): Promise<LookupResult> => {
    const variable = Object.hasOwn(places.variables, name) ? places.variables[name] : undefined;
    if (variable) return { value: variable };
    const values = await file();
    const fileValue = values?.get(name);
    if (fileValue) return { value: fileValue };
    const tried = [
      variable === '' ? 'empty in the environment' : 'not in the environment',
      values === undefined
        ? `no file ${fileName}`
        : fileValue === ''
          ? `empty in ${fileName}`
          : `not in ${fileName}`,
    ];
    const source = Object.hasOwn(places.sources, name) ? places.sources[name] : undefined;
    if (source?.command === undefined) return { missing: tried.join(', ') };
    const printed = await runSecretCommand(places.run, source.command, source.timeout ?? commandTimeout);
    return 'value' in printed ? printed : { missing: [...tried, printed.missing].join(', ') };
  };
  return {
    async get(names) {
      const unique = [...new Set(names)];
      for (const name of unique) if (!once.has(name)) once.set(name, find(name));
      const found = await Promise.all(unique.map(async (name) => [name, await once.get(name)] as const));
      const missing = found.flatMap(([name, result]) =>
        result !== undefined && 'missing' in result ? [{ name, why: result.missing }] : [],
      );
      if (missing.length > 0) throw missingSecrets(missing, fileName);
      return new Map(
        found.flatMap(([name, result]) => (result && 'value' in result ? [[name, result.value]] : [])),
      );
    },
    async warnings() {
      if ((await file()) === undefined) return [];
      const argv = ['git', 'check-ignore', '--quiet', '--', fileName];
      const answer = await places.run({ argv, timeout: 5000 }).catch(() => undefined);
      // 0: ignored; 1: not ignored; other codes: no repository or no git.
      return answer?.code === 1
        ? [`git does not ignore ${fileName}, which holds secrets: add it to .gitignore`]
        : [];
    },
  };
}

/** Returns the output without its line end. Messages contain stderr only, never stdout. */
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
    const value = stdout.replace(/(?:\r?\n)+$/, '');
    if (value === '') return { missing: `${shown} printed nothing` };
    return value.includes('\0') ? { missing: `${shown} printed a NUL byte` } : { value };
  } catch (error) {
    if (error instanceof Failure) return { missing: `${shown}: ${error.message}` };
    throw error;
  }
}

function missingSecrets(missing: readonly { name: string; why: string }[], fileName: string): Failure {
  const names = missing.map(({ name }) => name).join(', ');
  const noun = missing.length === 1 ? 'secret' : 'secrets';
  return new Failure('access', 'secret.missing', `no value for ${noun} ${names}`, {
    evidence: missing.map(({ name, why }) => `${name}: ${why}`),
    hint: `add ${missing[0]?.name}=… to ${fileName}, or set it in the environment`,
  });
}
