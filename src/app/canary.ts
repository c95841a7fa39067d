import { Failure } from '../domain/failure.js';
import { routerOf } from '../domain/routing.js';
import type { Service } from '../domain/service.js';

/** Services with the instances that a canary goes to, and what that means for each, in a person's words. */
export interface Canary {
  readonly services: readonly Service[];
  readonly words: readonly string[];
}

/**
 * The instances of these services that get a new target beside the old ones, so that about `share` (`10%`) of the requests are
 * sent to new ones: one at least. Throws a usage Failure where that cannot be.
 */
export function chooseCanary(services: readonly Service[], share: string): Canary {
  const wanted = shareOf(share);
  const chosen = services.map((service) => {
    refuseOthers(service);
    const old = service.instances.length;
    // `more` new ones beside all the old ones: their share is more / (old + more).
    const more = Math.min(old, Math.max(1, Math.round((wanted * old) / (1 - wanted))));
    const instances = service.instances.slice(0, more);
    const percent = Math.round((more / (old + more)) * 100);
    const hosts = instances.map(({ host }) => host).join(', ');
    return {
      service: { ...service, instances },
      words: `${service.name}: ${more} new beside ${old} old, about ${percent}% of the requests, on ${hosts}`,
    };
  });
  return { services: chosen.map(({ service }) => service), words: chosen.map(({ words }) => words) };
}

/** 0.01 to 0.5. */
function shareOf(text: string): number {
  const [, percent] = /^(\d{1,2})%$/.exec(text) ?? [];
  const share = Number(percent) / 100;
  if (share > 0 && share <= 0.5) return share;
  throw new Failure('usage', 'arguments', `--canary ${text} is not a share from 1% to 50%`, {
    hint: 'all old ones stay, so that new ones get half of the requests at most: --canary 10%',
  });
}

/** A router has to share the requests out, and both have to run. */
function refuseOthers(service: Service): void {
  const { name, swap } = service;
  const refuse = (message: string, hint: string) => new Failure('usage', 'canary.swap', message, { hint });
  if (routerOf(service) === 'none')
    throw refuse(
      `${name} is behind no load balancer`,
      'name the service that is: oneclick deploy web --canary 10%',
    );
  if (swap !== 'beside')
    throw refuse(
      `${name} is swapped by "${swap}"`,
      'only what runs beside the old one can be a canary: swap: beside',
    );
}
