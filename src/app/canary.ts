import { Failure } from '../domain/failure.js';
import { routerOf } from '../domain/routing.js';
import type { Service } from '../domain/service.js';

/** The services and instances of a canary, and a note on each service. */
export interface Canary {
  readonly services: readonly Service[];
  readonly notes: readonly string[];
}

/**
 * Returns the instances, at least one per service, that must run a canary for it to receive about `share` (`10%`) of the
 * requests. Throws a usage Failure if a service cannot have a canary.
 */
export function chooseCanary(services: readonly Service[], share: string): Canary {
  const fraction = parseShare(share);
  const chosen = services.map((service) => {
    requireSideBySide(service);
    const old = service.instances.length;
    // Old containers keep running: the share is canaries / (old + canaries).
    const canaries = Math.min(old, Math.max(1, Math.round((fraction * old) / (1 - fraction))));
    const instances = service.instances.slice(0, canaries);
    const percent = Math.round((canaries / (old + canaries)) * 100);
    const hosts = instances.map(({ host }) => host).join(', ');
    return {
      service: { ...service, instances },
      note: `${service.name}: canary on ${hosts}, about ${percent}% of requests`,
    };
  });
  return { services: chosen.map(({ service }) => service), notes: chosen.map(({ note }) => note) };
}

/** 0.01 to 0.5. */
function parseShare(text: string): number {
  const [, percent] = /^(\d{1,2})%$/.exec(text) ?? [];
  const share = Number(percent) / 100;
  if (share > 0 && share <= 0.5) return share;
  throw new Failure('usage', 'arguments', `--canary must be a share from 1% to 50%, such as 10%`, {
    hint: 'old containers keep running, so a canary gets at most half of the requests: --canary 10%',
  });
}

/** A canary requires a router, and containers that run side by side. */
function requireSideBySide(service: Service): void {
  const { name, swap } = service;
  const refuse = (message: string, hint: string) => new Failure('usage', 'canary.swap', message, { hint });
  if (routerOf(service) === 'none')
    throw refuse(
      `${name} is not behind a load balancer`,
      'name a service that is: oneclick deploy web --canary 10%',
    );
  if (swap !== 'beside')
    throw refuse(
      `${name} must use swap: beside for a canary, not ${swap}`,
      'set swap: beside in oneclick.yml',
    );
}
