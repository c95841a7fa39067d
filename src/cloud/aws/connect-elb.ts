import type { Service } from './service.js';

/** The client of Elastic Load Balancing, loaded when it is first used. */
export type ConnectElb = () => Promise<
  Service<
    typeof import('./elb-sdk.js'),
    InstanceType<typeof import('./elb-sdk.js')['ElasticLoadBalancingV2Client']>
  >
>;
