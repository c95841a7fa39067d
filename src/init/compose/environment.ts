import { variable } from '../../config/terms.js';
import { Noted } from '../draft.js';
import { literal, looksSecret } from '../names.js';
import type { Cursor } from './cursor.js';
import type { Sheet } from './sheet.js';
import { fixed, variablesIn } from './variables.js';

interface Pair {
  readonly name: string;
  /** The place of the whole pair. */
  readonly at: Cursor;
  /** Undefined for a name without a value, which compose takes from the caller. */
  readonly text: string | undefined;
}

/** `KEY: value`, or `- KEY=value`. */
export function pairsOf(cursor: Cursor): readonly Pair[] {
  if (cursor.isMap) return [...cursor.entries].map(([name, at]) => ({ name, at, text: at.text }));
  return cursor.items.flatMap((at) => {
    const [, name = '', text] = /^([^=]*)(?:=(.*))?$/s.exec(at.text ?? '') ?? [];
    return name === '' ? [] : [{ name, at: at.called(name), text }];
  });
}

/** One that would be the prototype of a map is refused where a file is read, too. */
const isVariable = (name: string) => name !== '__proto__' && variable.safeParse(name).success;

/** Carries `environment`: what looks secret goes to `secrets`, without its value. */
export function carryEnvironment(sheet: Sheet, cursor: Cursor): void {
  for (const { name, at, text } of pairsOf(cursor)) {
    if (!isVariable(name)) sheet.leave(at, `${name} is not the name of a variable`);
    else if (text !== '' && looksSecret(name, fixed(text ?? '').text)) carrySecret(sheet, name, at, text);
    else {
      sheet.add('env', { [name]: text === undefined ? `\${${name}:-}` : sheet.put(at, text) });
      sayOldNames(sheet, at, text ?? '');
    }
  }
}

/** Says where a service is reached by a name that it has no more. */
function sayOldNames(sheet: Sheet, at: Cursor, text: string): void {
  for (const [old, name] of sheet.surroundings.names) {
    if (old === name || !text.split(/[^A-Za-z0-9_.-]+/).includes(old)) continue;
    sheet.leave(at, `${old} is called ${name} here: change it, if it is what the service is reached by`);
  }
}

/** A value that is one variable of the same name is exactly what a secret is; of any other, only the name is carried. */
function carrySecret(sheet: Sheet, name: string, at: Cursor, text: string | undefined): void {
  sheet.addSecret(new Noted(name, 'looks secret', at.where));
  const [only, ...more] = variablesIn(text ?? '');
  const same = text === undefined || (only === name && more.length === 0 && /^\$\{?\w+\}?$/.test(text));
  if (!same) sheet.leave(at, 'a secret now: its value goes to .env.production, or to the environment');
}

/**
 * Carries the names of `env_file`: values that are in a file of their own are what `secrets` are, whose values are in
 * `.env.<environment>`. Of an example the values are carried too.
 */
export function carryEnvFiles(sheet: Sheet, cursor: Cursor): void {
  for (const item of cursor.isMap ? [cursor] : cursor.items) {
    const at = item.get('path') ?? item;
    const file = sheet.surroundings.envFiles.get(at.text ?? '');
    if (file === undefined) {
      sheet.leave(at, `${at.text} is not here: name its variables under env or secrets`);
      continue;
    }
    for (const [name, { value, line }] of file.values) {
      if (!isVariable(name) || Object.hasOwn(Object(sheet.keys.env), name)) continue;
      if (file.example && !looksSecret(name, value))
        sheet.add('env', { [name]: new Noted(literal(value), 'an example', `${file.file}:${line}`) });
      else sheet.addSecret(new Noted(name, '', `${file.file}:${line}`));
    }
  }
}
