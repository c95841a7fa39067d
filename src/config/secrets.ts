import { join } from 'node:path';
import { Failure } from '../domain/failure.js';
import type { Command, CommandResult } from '../host/host.js';
import { readEnvFile } from './env-file.js';
import type { Files } from './files.js';
import type { Variables } from './interpolate.js';

/** For each secret that has one, the command that prints its value; times in ms. */
export type SecretSources = Readonly<
  Record<string, { readonly command?: readonly string[]; readonly timeout?: number }>
>;

/**
 * Runs a command on this machine, in the project's folder, with nothing on its standard input but what is given. A command that cannot be
 * started, or takes too long, is a Failure.
 */
export type RunCommand = (command: Command) => Promise<CommandResult>;

/** Where the values of the secrets of one environment are looked for. */
export interface SecretPlaces {
  readonly environment: string;
  /** The project's folder, in which `.env.<environment>` may be. */
  readonly folder: string;
  readonly sources: SecretSources;
  readonly variables: Variables;
  readonly files: Files;
  readonly run: RunCommand;
  /** Told of each value as soon as it is found, so that it can be hidden whatever comes next. */
  readonly onFound: (name: string, value: string) => void;
}

/** The values of secrets: from the environment, else from `.env.<environment>`, else from a command. */
export interface SecretStore {
  /** The values by name. Throws a failure `secret.missing` of kind `access` that lists every name without a value and why. */
  get(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** What a person should know: a file with secrets that git would take. */
  warnings(): Promise<readonly string[]>;
}

type Found = { readonly value: string } | { readonly missing: string };

const commandTimeout = 60_000;
const shownLines = 5;

/** A store that reads the file, and runs each command, at most once. */
export function secretStore(places: SecretPlaces): SecretStore {
  const fileName = `.env.${places.environment}`;
  const path = join(places.folder, fileName);
  const once = new Map<string, Promise<Found>>();
  let reading: Promise<ReadonlyMap<string, string> | undefined> | undefined;
  const file = () => {
    reading ??= places.files
      .read(path)
      .then((text) => (text === undefined ? undefined : readEnvFile(fileName, text)));
    return reading;
  };
  const find = async (name: string): Promise<Found> => {
    const found = await lookUp(name);
    if ('value' in found) places.onFound(name, found.value);
    return found;
  };
  const lookUp = async (name: string): Promise<Found> => {
    const variable = Object.hasOwn(places.variables, name) ? places.variables[name] : undefined;
    if (variable) return { value: variable };
    const values = await file();
    const written = values?.get(name);
    if (written) return { value: written };
    const sought = [
      variable === '' ? 'empty in the environment' : 'not in the environment',
      values === undefined
        ? `no file ${fileName}`
        : written === ''
          ? `empty in ${fileName}`
          : `not in ${fileName}`,
    ];
    const source = Object.hasOwn(places.sources, name) ? places.sources[name] : undefined;
    if (source?.command === undefined) return { missing: sought.join(', ') };
    const printed = await fromCommand(places.run, source.command, source.timeout ?? commandTimeout);
    return 'value' in printed ? printed : { missing: [...sought, printed.missing].join(', ') };
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
      // 0: ignored, 1: not, anything else: not a repository, or no git.
      return answer?.code === 1
        ? [`git does not ignore ${fileName}, which holds secrets: add it to .gitignore`]
        : [];
    },
  };
}

/** What the command prints, without the line end. Its output never gets into a message, only its errors do. */
async function fromCommand(run: RunCommand, argv: readonly string[], timeout: number): Promise<Found> {
  const shown = argv.join(' ');
  try {
    const { code, stdout, stderr } = await run({ argv, timeout });
    const lines = stderr.trim().split('\n').slice(-shownLines).join(' / ');
    if (code !== 0) return { missing: `${shown} ended with exit code ${code}${lines && `: ${lines}`}` };
    const value = stdout.replace(/(?:\r?\n)+$/, '');
    if (value === '') return { missing: `${shown} printed nothing` };
    return value.includes('\0') ? { missing: `${shown} printed a zero byte` } : { value };
  } catch (error) {
    if (error instanceof Failure) return { missing: `${shown}: ${error.message}` };
    throw error;
  }
}

function missingSecrets(missing: readonly { name: string; why: string }[], fileName: string): Failure {
  const names = missing.map(({ name }) => name).join(', ');
  const count = missing.length === 1 ? 'a secret has' : `${missing.length} secrets have`;
  return new Failure('access', 'secret.missing', `${count} no value: ${names}`, {
    evidence: missing.map(({ name, why }) => `${name}: ${why}`),
    hint: `write ${missing[0]?.name}=… in ${fileName}, or set it in the environment`,
  });
}
