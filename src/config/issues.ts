import type { z } from 'zod';
import type { Problem } from '../domain/problem.js';
import { match } from '../domain/schema-problems.js';
import type { Source } from '../domain/source.js';

/** What people who know other tools' files look for, and what to write here. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ['ports', 'write port'],
  ['expose', 'write port'],
  ['environment', 'write env'],
  ['env_file', 'write env, or secrets'],
  ['healthcheck', 'write health'],
  ['depends_on', 'write needs'],
  ['entrypoint', 'write docker: {Entrypoint: […]}'],
  ['mem_limit', 'write memory'],
  ['deploy', 'write hosts under environments, memory, cpus'],
  ['replicas', 'there is one container per service and host'],
  ['stop_signal', 'write stop: {signal: …}'],
  ['stop_grace_period', 'write stop: {timeout: …}'],
  ['hosts', 'write it under environments, where each environment says what runs where'],
  ['servers', 'write hosts under environments'],
  ['<<', 'merge keys are not known; write the keys, or an alias *name for a whole value'],
]);

/** The value that the schema makes of the source, or every problem of the source. */
export function readAs<T>(
  source: Source,
  schema: z.ZodType<T>,
): { readonly value: T } | { readonly problems: readonly Problem[] } {
  const matched = match(source, schema);
  const found = 'problems' in matched ? matched.problems.map(withPlace) : [];
  if ('value' in matched && source.problems.length === 0) return matched;
  return { problems: [...source.problems, ...found] };
}

function withPlace(problem: Problem): Problem {
  const key = /^unknown key "(.+)"$/.exec(problem.message)?.[1] ?? '';
  const place = elsewhere.get(key);
  if (place === undefined) return problem;
  const { suggestion: _, ...rest } = problem;
  return { ...rest, message: `${problem.message}: ${place}` };
}
