import type { Context } from './context.js';
import { belongingTo, labels } from './docker.js';
import type { Network } from './network.js';

/** A load balancer that was made by the API of the sandbox. */
export interface MadeBalancer {
  readonly arn: string;
  readonly name: string;
  /** On the sandbox's network; empty while its proxy does not run. */
  readonly address: string;
}

/** The load balancers of a sandbox, by name. */
export async function listBalancers(
  context: Context,
  sandbox: string,
  network: Network,
): Promise<readonly MadeBalancer[]> {
  const filters = belongingTo(sandbox, 'load-balancer');
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
