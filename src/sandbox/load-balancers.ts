import type { Context } from './context.js';
import { labels, sandboxFilter } from './docker.js';
import type { Network } from './network.js';

/** A load balancer created through the sandbox's API. */
export interface BalancerSummary {
  readonly arn: string;
  readonly name: string;
  /** On the sandbox's network; empty while the proxy is stopped. */
  readonly address: string;
}

/** Returns the load balancers of a sandbox, sorted by name. */
export async function listBalancers(
  context: Context,
  sandbox: string,
  network: Network,
): Promise<readonly BalancerSummary[]> {
  const filters = sandboxFilter(sandbox, 'load-balancer');
  const proxies = await context.docker.listContainers({ all: true, filters });
  return proxies
    .map(({ Labels, NetworkSettings }) => {
      const arn = Labels[labels.arn] ?? '';
      // arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID
      const [, , name = ''] = arn.split('/');
      return { arn, name, address: NetworkSettings.Networks[network.name]?.IPAddress ?? '' };
    })
    .sort((one, other) => one.name.localeCompare(other.name));
}
