import { Failure } from '../domain/failure.js';

/** Parses `--set NAME=VALUE`. Throws usage failures without a name or value. */
export function parseParams(set: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    set.map((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (name !== undefined && value !== undefined) return [name, value];
      throw new Failure('usage', 'arguments', `the value of --set ${text} is missing`, {
        hint: `use --set ${text}=VALUE`,
      });
    }),
  );
}
