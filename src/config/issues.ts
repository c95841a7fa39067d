import type { z } from 'zod';
import type { Problem } from '../domain/problem.js';
import { match } from '../domain/schema-problems.js';
import type { Source } from '../domain/source.js';

/** Keys of other tools, with the equivalent in `oneclick.yml`. */
const foreignKeys: ReadonlyMap<string, string> = new Map([
  ['ports', 'use port'],
  ['expose', 'use port'],
  ['environment', 'use env'],
  ['env_file', 'use env or secrets'],
  ['healthcheck', 'use health'],
  ['depends_on', 'use needs'],
  ['entrypoint', 'use docker: {Entrypoint: […]}'],
  ['mem_limit', 'use memory'],
  ['deploy', 'use hosts under environments, memory and cpus'],
  ['replicas', 'each host runs one container per service'],
  ['stop_signal', 'use stop: {signal: …}'],
  ['stop_grace_period', 'use stop: {timeout: …}'],
  ['hosts', 'move it under environments'],
  ['servers', 'use hosts under environments'],
  ['<<', 'merge keys are not supported; repeat the keys, or use an alias (*name) for a whole value'],
]);

/** Parses the source with the schema; returns the value or every problem. */
export function readAs<T>(
  source: Source,
  schema: z.ZodType<T>,
): { readonly value: T } | { readonly problems: readonly Problem[] } {
  const matched = match(source, schema);
  const found = 'problems' in matched ? matched.problems.map(withHint) : [];
  if ('value' in matched && source.problems.length === 0) return matched;
  return { problems: [...source.problems, ...found] };
}

function withHint(problem: Problem): Problem {
  const key = /^unknown key "(.+)"$/.exec(problem.message)?.[1] ?? '';
  const hint = foreignKeys.get(key);
  if (hint === undefined) return problem;
  const { suggestion: _, ...rest } = problem;
  return { ...rest, message: `${problem.message}: ${hint}` };
}
