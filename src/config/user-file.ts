import { z } from 'zod';
import { given } from '../domain/given.js';
import { invalid } from '../domain/problem.js';
import { readSource } from '../domain/source.js';
import { readAs } from './issues.js';
import { keys, name } from './terms.js';

/** What a person has decided for all projects. */
export interface UserSettings {
  readonly environment?: string;
  readonly plain?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly input?: boolean;
}

const decision = z.boolean('must be true or false');

/** The user's own file as written. */
const WrittenUser = keys({
  default_environment: name,
  plain: decision,
  quiet: decision,
  verbose: decision,
  color: decision,
  input: decision,
}).refine(({ quiet, verbose }) => !(quiet && verbose), {
  error: 'nothing is both quiet and verbose',
  path: ['verbose'],
});

/** What the text of the user's own file says. Throws a usage failure `config.invalid` with every problem of it. */
export function readUserFile(path: string, text: string): UserSettings {
  const matched = readAs(readSource(path, text), WrittenUser);
  if ('problems' in matched) throw invalid(matched.problems);
  const { default_environment: environment, ...others } = matched.value;
  return given({ environment, ...others });
}
