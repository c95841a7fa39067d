import type { Service } from './service.js';

/** Returns the client of Elastic Load Balancing; loads it on first use. */
export type ConnectElb = () => Promise<
  Service<
    typeof import('./elb-sdk.js'),
    InstanceType<typeof import('./elb-sdk.js')['ElasticLoadBalancingV2Client']>
  >
>;
