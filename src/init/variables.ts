import { readEnvFile } from '../config/env-file.js';
import { Failure } from '../domain/failure.js';
import { Annotated } from './draft.js';
import { escapeDollars, looksSecret } from './names.js';

/** The variables of an example environment file. */
export interface ExampleVariables {
  readonly env: Readonly<Record<string, Annotated>>;
  readonly secrets: readonly Annotated[];
  readonly port?: Annotated;
}

/** Parses `.env.example`; secrets by name only. Returns nothing for an invalid file. */
export function exampleVariables(file: string, text: string): ExampleVariables {
  const values = read(file, text);
  const secrets = values.filter(([name, { value }]) => looksSecret(name, value));
  const plain = values.filter(([name, { value }]) => !looksSecret(name, value));
  const port = plain.find(([name, { value }]) => name === 'PORT' && /^[1-9]\d{1,4}$/.test(value));
  return {
    secrets: secrets.map(([name, { line }]) => new Annotated(name, 'looks like a secret', `${file}:${line}`)),
    env: Object.fromEntries(
      plain.map(([name, { value, line }]) => [
        name,
        new Annotated(escapeDollars(value), value === '' ? 'fill in' : 'example value', `${file}:${line}`),
      ]),
    ),
    ...(port === undefined
      ? {}
      : { port: new Annotated(Number(port[1].value), 'PORT', `${file}:${port[1].line}`) }),
  };
}

/** Returns the variables of an environment file with their lines. Throws as {@link readEnvFile}. */
export function assignmentsIn(
  file: string,
  text: string,
): ReadonlyMap<string, { readonly value: string; readonly line: number }> {
  const lines = new Map<string, number>();
  for (const [index, row] of text.split(/\r?\n/).entries()) {
    const name = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(row)?.[1];
    if (name !== undefined) lines.set(name, index + 1);
  }
  const values = [...readEnvFile(file, text)];
  return new Map(values.map(([name, value]) => [name, { value, line: lines.get(name) ?? 1 }]));
}

function read(file: string, text: string) {
  try {
    return [...assignmentsIn(file, text)];
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}
