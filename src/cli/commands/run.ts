import type { Context } from '../../app/context.js';
import { Failure } from '../../domain/failure.js';
import type { ChangeFlags } from '../grammar/flags.js';
import { change } from './deploy.js';

interface RunFlags extends ChangeFlags {
  readonly set?: readonly string[];
}

/** `oneclick run`: any recipe, on all services. */
export function runRecipe(
  context: Context,
  [recipe = '']: readonly string[],
  flags: RunFlags,
): Promise<number> {
  return change(context, [], flags, { recipe, params: params(flags.set) });
}

interface PlanFlags extends RunFlags {
  readonly recipe: string;
  readonly image?: readonly string[];
  readonly tag?: string;
}

/** `oneclick plan`: what a recipe would do. */
export function plan(context: Context, services: readonly string[], flags: PlanFlags): Promise<number> {
  const { recipe, set } = flags;
  return change(context, services, { ...flags, dryRun: true }, { recipe, params: params(set) });
}

function params(set: readonly string[] = []): Readonly<Record<string, string>> {
  return Object.fromEntries(
    set.map((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (name !== undefined && value !== undefined) return [name, value];
      throw new Failure('usage', 'arguments', `--set ${text}: a value is missing`, {
        hint: `--set ${text}=VALUE`,
      });
    }),
  );
}
