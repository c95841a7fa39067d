import { Failure } from '../../domain/failure.js';
import type { Edge } from '../edge.js';
import type { ChangeFlags } from '../grammar/flags.js';
import { change } from './deploy.js';

interface RunFlags extends ChangeFlags {
  readonly set?: readonly string[];
}

/** `oneclick run`: any recipe, on all services. */
export function runRecipe(edge: Edge, [recipe = '']: readonly string[], flags: RunFlags): Promise<number> {
  return change(edge, [], flags, { recipe, params: params(flags.set) });
}

interface PlanFlags extends RunFlags {
  readonly recipe: string;
  readonly image?: readonly string[];
  readonly tag?: string;
}

/** `oneclick plan`: what a recipe would do. */
export function plan(edge: Edge, services: readonly string[], flags: PlanFlags): Promise<number> {
  const { recipe, set } = flags;
  return change(edge, services, { ...flags, dryRun: true }, { recipe, params: params(set) });
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
