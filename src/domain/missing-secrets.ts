import type { Facts } from './facts.js';
import { Failure } from './failure.js';

/** A secret without a value, and the sources that were tried. */
export interface MissingSecret {
  readonly name: string;
  readonly why: string;
}

/** The access failure `secret.missing` that lists each missing secret and why. */
export class MissingSecrets extends Failure {
  readonly missing: readonly MissingSecret[];
  readonly environment: string;
  /** The containers that need them, if it is not obvious: `web release 3 on host-1`. */
  readonly neededBy: readonly string[];

  constructor(
    missing: readonly MissingSecret[],
    environment: string,
    { host, neededBy = [] }: { readonly host?: string; readonly neededBy?: readonly string[] } = {},
  ) {
    const names = missing.map(({ name }) => name).join(', ');
    const noun = missing.length === 1 ? 'secret' : 'secrets';
    super('access', 'secret.missing', `no value for ${noun} ${names}`, {
      ...(host === undefined ? {} : { host }),
      evidence: [
        ...missing.map(({ name, why }) => `${name}: ${why}`),
        ...(neededBy.length === 0 ? [] : [`needed to create ${neededBy.join(', ')}`]),
      ],
      hint: `add ${missing[0]?.name}=… to .env.${environment}, or set it in the environment`,
    });
    this.missing = missing;
    this.environment = environment;
    this.neededBy = neededBy;
  }
}

/** Returns the secrets without a known value. Empty if the facts contain no secrets. */
export function missingSecrets({ secrets }: Facts, names: readonly string[]): readonly MissingSecret[] {
  if (secrets === undefined) return [];
  return names
    .filter((name) => !secrets.known.includes(name))
    .map((name) => ({ name, why: reasonFor(secrets.missing, name) ?? 'not looked up' }));
}

/** Returns the names that were not looked up yet. */
export function unreadSecrets({ secrets }: Facts, names: readonly string[]): readonly string[] {
  if (secrets === undefined) return [];
  return names.filter(
    (name) => !secrets.known.includes(name) && reasonFor(secrets.missing, name) === undefined,
  );
}

const reasonFor = (missing: Readonly<Record<string, string>>, name: string) =>
  Object.hasOwn(missing, name) ? missing[name] : undefined;

/** Combines all {@link MissingSecrets} into one, at the place of the first. */
export function mergeMissingSecrets(problems: readonly Failure[]): readonly Failure[] {
  const all = problems.filter((problem) => problem instanceof MissingSecrets);
  const [first] = all;
  if (first === undefined) return problems;
  const byName = new Map(all.flatMap(({ missing }) => missing).map((secret) => [secret.name, secret]));
  const neededBy = [...new Set(all.flatMap((problem) => problem.neededBy))];
  const merged = new MissingSecrets([...byName.values()], first.environment, { neededBy });
  return problems.flatMap((problem) =>
    problem === first ? [merged] : problem instanceof MissingSecrets ? [] : [problem],
  );
}
