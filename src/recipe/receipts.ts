import { given } from '../domain/given.js';
import type { Reference, Step } from '../run/plan.js';
import { type Dimension, extraDimensions } from './plan-position.js';

/** The service, instance and host that a step is bound to. */
export type Bound = { readonly [dimension in Dimension]?: string };

interface Provider {
  readonly name: string;
  readonly step: string;
  readonly bound: Bound;
}

/** A reference to a receipt, or a map of references by service, instance or host. */
export type Found = Reference | { readonly [key: string]: Found };

const dimensionsOf = (bound: Bound): readonly Dimension[] =>
  (['service', 'instance', 'host'] as const).filter((dimension) => bound[dimension] !== undefined);

/** The receipts of the steps bound so far. */
export class Receipts {
  readonly #providers: Provider[] = [];

  add(name: string, step: Step): void {
    this.#providers.push({ name, step: step.id, bound: boundOf(step) });
  }

  /** Finds the latest provider of `name` that matches the consumer in every dimension that both have. */
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
    const over = extraDimensions(dimensionsOf(nearest.bound), dimensionsOf(consumer));
    if (over.length === 0) return { $from: nearest.step, path };
    const alike = fitting.filter(
      ({ bound }) => dimensionsOf(bound).join() === dimensionsOf(nearest.bound).join(),
    );
    return collect(alike, over, path);
  }
}

function collect(providers: readonly Provider[], over: readonly Dimension[], path: readonly string[]): Found {
  const [dimension, ...deeper] = over;
  if (dimension === undefined) return { $from: providers.at(-1)?.step ?? '', path };
  const keys = new Set(providers.map(({ bound }) => bound[dimension] ?? ''));
  const group = (key: string) => providers.filter(({ bound }) => (bound[dimension] ?? '') === key);
  return Object.fromEntries([...keys].map((key) => [key, collect(group(key), deeper, path)]));
}

/** Drops undefined dimensions. */
export const boundOf = ({
  service,
  instance,
  host,
}: { readonly [dimension in Dimension]?: string | undefined }): Bound => ({
  ...given({ service, instance, host }),
});
