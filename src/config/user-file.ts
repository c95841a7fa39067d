import { z } from 'zod';
import { given } from '../domain/given.js';
import { invalid } from '../domain/problem.js';
import { readSource } from '../domain/source.js';
import { readAs } from './issues.js';
import { name, optionalKeys } from './schema-types.js';

/** A user's settings for all projects. */
export interface UserSettings {
  readonly environment?: string;
  readonly plain?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly input?: boolean;
}

const flag = z.boolean('must be true or false');

/** The schema of the user's file. */
const UserConfig = optionalKeys({
  default_environment: name,
  plain: flag,
  quiet: flag,
  verbose: flag,
  color: flag,
  input: flag,
}).refine(({ quiet, verbose }) => !(quiet && verbose), {
  error: 'cannot be combined with quiet',
  path: ['verbose'],
});

/** Parses the user's file. Throws a usage failure `config.invalid` with every problem. */
export function readUserFile(path: string, text: string): UserSettings {
  const matched = readAs(readSource(path, text), UserConfig);
  if ('problems' in matched) throw invalid(matched.problems);
  const { default_environment: environment, ...others } = matched.value;
  return given({ environment, ...others });
}
