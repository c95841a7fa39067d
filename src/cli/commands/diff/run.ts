import type { Context } from '../../../app/context.js';
import { compareReleases } from '../../../app/diff.js';
import { Failure } from '../../../domain/failure.js';
import { diffText } from '../../../report/diff.js';
import { type EnvironmentView, viewEnvironment } from '../../view-environment.js';
import type { DiffFlags } from './command.js';

export function run(context: Context, args: readonly string[], flags: DiffFlags): Promise<number> {
  const { releases, names } = parseDiffArguments(args);
  const show = async ({ session, facts, out, chosen }: EnvironmentView) => {
    const missing = Object.keys(facts.secrets?.missing ?? {});
    if (missing.length > 0)
      out.reporter.warn(`secrets without a value here are not compared: ${missing.join(', ')}`);
    const chosenNames = chosen.map(({ name }) => name);
    out.reporter.result(await compareReleases(session, facts, chosenNames, releases), diffText);
  };
  return viewEnvironment(context, names, flags, show, { secrets: releases.includes('next') });
}

/** Releases are numbers, `current` and `next`; other words are service names. */
export function parseDiffArguments(args: readonly string[]): {
  readonly releases: readonly string[];
  readonly names: readonly string[];
} {
  const isRelease = (word: string) => /^\d{1,9}$/.test(word) || word === 'current' || word === 'next';
  const releases = args.filter(isRelease);
  const names = args.filter((word) => !isRelease(word));
  if (releases.length <= 2 && names.length <= 1) return { releases, names };
  throw new Failure('usage', 'arguments', 'expected at most two releases and one service', {
    hint: 'for example: oneclick diff 2 3 web, or oneclick diff current next',
  });
}
