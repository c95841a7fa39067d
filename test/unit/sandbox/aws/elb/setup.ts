import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { ensureGroups } from '../../../../../src/sandbox/aws/ec2/groups.js';
import { subnets } from '../../../../../src/sandbox/aws/ec2/layout.js';
import { elbActionsFor } from '../../../../../src/sandbox/aws/elb/actions.js';
import type { Balancer } from '../../../../../src/sandbox/aws/elb/balancer.js';
import { openBalancerState, reconcile } from '../../../../../src/sandbox/aws/elb/balancer-state.js';
import type { Instance } from '../../../../../src/sandbox/aws/elb/instances.js';
import type { Proxies } from '../../../../../src/sandbox/aws/elb/proxy.js';
import type { Check } from '../../../../../src/sandbox/aws/elb/runtime.js';
import type { MovableClock } from '../../../../fakes/clock.js';
import { clients, emptyRegion } from '../region.js';

/** Fake proxies: changes take a turn of the event loop, tests set the check results. */
export class FakeProxies implements Proxies {
  /** The last configuration by ARN. */
  readonly applied = new Map<string, Balancer>();
  /** The number of changes. */
  changes = 0;
  /** Check results by pool and server name; others are not checked yet. */
  readonly results = new Map<string, Check>();
  /** The names of removed proxies. */
  readonly removed: string[] = [];

  async apply(_region: unknown, balancer: Balancer): Promise<void> {
    this.changes += 1;
    await new Promise((resolve) => setImmediate(resolve));
    this.applied.set(balancer.arn, balancer);
  }

  async checks() {
    return this.results;
  }

  async remove(_region: unknown, { id }: Pick<Balancer, 'id'>): Promise<void> {
    for (const [arn, balancer] of this.applied) {
      if (balancer.id !== id) continue;
      this.applied.delete(arn);
      this.removed.push(balancer.name);
    }
  }
}

/** The API through the SDK, with fake proxies and two running instances. */
export async function setup() {
  const region = await emptyRegion();
  await ensureGroups(region);
  const [a = '', b = ''] = subnets(region).map(({ id }) => id);
  const proxies = new FakeProxies();
  const instances = new Map<string, Instance>([
    ['i-1', { address: '10.213.7.11', running: true }],
    ['i-2', { address: '10.213.7.12', running: true }],
  ]);
  const state = openBalancerState(proxies, async (_region, id) => instances.get(id));
  const service = {
    ...({ protocol: 'awsQuery', version: '2015-12-01', schemas: { ...elb } } as const),
    namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
    actions: elbActionsFor(state),
  };
  const api = clients({ elasticloadbalancing: service }, region).elb;
  const clock = region.context.clock as MovableClock;
  return {
    ...{ api, region, proxies, instances, clock },
    reconcile: () => reconcile(state, region),
    ...builders(api, [a, b]),
    subnets: [a, b],
  };
}

/** Functions that create and read resources through the API. */
function builders(api: elb.ElasticLoadBalancingV2Client, Subnets: string[]) {
  const group = async (Name = 'web', more: object = {}) => {
    const input = { Name, Protocol: 'HTTP' as const, Port: 80, VpcId: 'vpc-1', ...more };
    const { TargetGroups } = await api.send(new elb.CreateTargetGroupCommand(input));
    return TargetGroups?.[0]?.TargetGroupArn ?? '';
  };
  const balancer = async (Name = 'web', more: object = {}) => {
    const input = { Name, Subnets, ...more };
    const { LoadBalancers } = await api.send(new elb.CreateLoadBalancerCommand(input));
    return LoadBalancers?.[0]?.LoadBalancerArn ?? '';
  };
  const listener = async (LoadBalancerArn: string, TargetGroupArn: string, Port = 80) => {
    const DefaultActions: elb.Action[] = [{ Type: 'forward', TargetGroupArn }];
    const input = { LoadBalancerArn, Protocol: 'HTTP', Port, DefaultActions } as const;
    const { Listeners } = await api.send(new elb.CreateListenerCommand(input));
    return Listeners?.[0]?.ListenerArn ?? '';
  };
  /** Health of the given or all targets: `i-1:80 initial Elb.RegistrationInProgress`. */
  const health = async (TargetGroupArn: string, ...Targets: elb.TargetDescription[]) => {
    const input = { TargetGroupArn, ...(Targets.length === 0 ? {} : { Targets }) };
    const { TargetHealthDescriptions } = await api.send(new elb.DescribeTargetHealthCommand(input));
    return (TargetHealthDescriptions ?? []).map(({ Target, TargetHealth }) =>
      `${Target?.Id}:${Target?.Port} ${TargetHealth?.State} ${TargetHealth?.Reason ?? ''}`.trim(),
    );
  };
  return { group, balancer, listener, health };
}
