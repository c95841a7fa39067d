import { given } from '../domain/given.js';
import type { Reference, Step } from '../run/plan.js';
import { type Dimension, gathered } from './plan-position.js';

/** What a step is bound to: names of a service, of an instance and of a host. */
export type Bound = { readonly [dimension in Dimension]?: string };

interface Provider {
  readonly name: string;
  readonly step: string;
  readonly bound: Bound;
}

/** A reference, or references by the names of services and instances where a step wants those of several. */
export type Found = Reference | { readonly [key: string]: Found };

const dimensionsOf = (bound: Bound): readonly Dimension[] =>
  (['service', 'instance', 'host'] as const).filter((dimension) => bound[dimension] !== undefined);

/** The steps bound so far, by what they provide. */
export class Receipts {
  readonly #providers: Provider[] = [];

  add(name: string, step: Step): void {
    this.#providers.push({ name, step: step.id, bound: boundOf(step) });
  }

  /** The nearest earlier step that provides `name` for the same service, instance and host as far as both have them. */
  find(name: string, path: readonly string[], consumer: Bound): Found | undefined {
    const same = (dimension: Dimension, bound: Bound) =>
      bound[dimension] === undefined ||
      consumer[dimension] === undefined ||
      bound[dimension] === consumer[dimension];
    const fitting = this.#providers.filter(
      (provider) =>
        provider.name === name &&
        dimensionsOf(consumer).every((dimension) => same(dimension, provider.bound)),
    );
    const nearest = fitting.at(-1);
    if (nearest === undefined) return undefined;
    const over = gathered(dimensionsOf(nearest.bound), dimensionsOf(consumer));
    if (over.length === 0) return { $from: nearest.step, path };
    const alike = fitting.filter(
      ({ bound }) => dimensionsOf(bound).join() === dimensionsOf(nearest.bound).join(),
    );
    return gather(alike, over, path);
  }
}

function gather(providers: readonly Provider[], over: readonly Dimension[], path: readonly string[]): Found {
  const [dimension, ...deeper] = over;
  if (dimension === undefined) return { $from: providers.at(-1)?.step ?? '', path };
  const keys = new Set(providers.map(({ bound }) => bound[dimension] ?? ''));
  const group = (key: string) => providers.filter(({ bound }) => (bound[dimension] ?? '') === key);
  return Object.fromEntries([...keys].map((key) => [key, gather(group(key), deeper, path)]));
}

/** Only the dimensions that are there. */
export const boundOf = ({
  service,
  instance,
  host,
}: { readonly [dimension in Dimension]?: string | undefined }): Bound => ({
  ...given({ service, instance, host }),
});
