import { readEnvFile } from '../config/env-file.js';
import { Failure } from '../domain/failure.js';
import { Noted } from './draft.js';
import { literal, looksSecret } from './names.js';

/** The variables that an example of an environment file names, as a service has them. */
export interface ExampleVariables {
  readonly env: Readonly<Record<string, Noted>>;
  readonly secrets: readonly Noted[];
  readonly port?: Noted;
}

/** Reads `.env.example`: what looks secret is only named. A file that cannot be read says nothing. */
export function exampleVariables(file: string, text: string): ExampleVariables {
  const values = read(file, text);
  const secrets = values.filter(([name, { value }]) => looksSecret(name, value));
  const plain = values.filter(([name, { value }]) => !looksSecret(name, value));
  const port = plain.find(([name, { value }]) => name === 'PORT' && /^[1-9]\d{1,4}$/.test(value));
  return {
    secrets: secrets.map(([name, { line }]) => new Noted(name, 'looks secret', `${file}:${line}`)),
    env: Object.fromEntries(
      plain.map(([name, { value, line }]) => [
        name,
        new Noted(literal(value), value === '' ? 'fill in' : 'an example', `${file}:${line}`),
      ]),
    ),
    ...(port === undefined
      ? {}
      : { port: new Noted(Number(port[1].value), 'PORT', `${file}:${port[1].line}`) }),
  };
}

/** The variables of an environment file and where they are. Throws what {@link readEnvFile} does. */
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
