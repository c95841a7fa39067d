import type {
  CreateLoadBalancerInput,
  CreateLoadBalancerOutput,
  DeleteLoadBalancerInput,
  DeleteLoadBalancerOutput,
  LoadBalancer as Described,
  DescribeLoadBalancerAttributesInput,
  DescribeLoadBalancerAttributesOutput,
  DescribeLoadBalancersInput,
  DescribeLoadBalancersOutput,
  ModifyLoadBalancerAttributesInput,
  ModifyLoadBalancerAttributesOutput,
  SetSecurityGroupsInput,
  SetSecurityGroupsOutput,
  SetSubnetsInput,
  SetSubnetsOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { balancerAddresses } from '../../network.js';
import { type Action, AwsError, type Region } from '../action.js';
import { type LoadBalancer, listeners, loadBalancers, newArn, rules } from './documents.js';
import { changed, invalid, listed, named, page, pairs, required, within } from './request.js';
import type { World } from './world.js';

/** Those that change nothing here are kept, so that they can be read back. */
const attributes = {
  'idle_timeout.timeout_seconds': '60',
  'client_keep_alive.seconds': '3600',
  'deletion_protection.enabled': 'false',
  'access_logs.s3.enabled': 'false',
  'access_logs.s3.bucket': '',
  'access_logs.s3.prefix': '',
  'load_balancing.cross_zone.enabled': 'true',
  'routing.http2.enabled': 'true',
  'routing.http.drop_invalid_header_fields.enabled': 'false',
  'routing.http.preserve_host_header.enabled': 'false',
  'routing.http.desync_mitigation_mode': 'defensive',
  'routing.http.xff_header_processing.mode': 'append',
};

/** @throws AwsError `LoadBalancerNotFound` */
export function loadBalancer({ store }: Region, arn: string | undefined): LoadBalancer {
  const found = store.get(loadBalancers, required(arn, 'loadBalancerArn'));
  if (found === undefined)
    throw new AwsError('LoadBalancerNotFound', `Load balancers '[${arn}]' not found`, 400);
  return found;
}

/** The actions on load balancers. */
export function loadBalancerActions(world: World) {
  const create: Action<CreateLoadBalancerInput, CreateLoadBalancerOutput> = async (input, region) => {
    const { store } = region;
    const wanted = wantedOf(input);
    const same = store.all(loadBalancers).find(({ name }) => name === wanted.name);
    if (same !== undefined && !isAlike(same, wanted)) {
      throw new AwsError(
        'DuplicateLoadBalancerName',
        `A load balancer with the same name '${wanted.name}' exists, but with different settings`,
      );
    }
    const made = same ?? {
      ...wanted,
      arn: newArn(region, loadBalancers, `loadbalancer/app/${wanted.name}`),
      address: freeAddress(region),
      createdAt: region.context.clock.now().getTime(),
      attributes,
      tags: pairs(input.Tags),
    };
    if (same === undefined) await store.put(loadBalancers, made.arn, made);
    await world.enforce(region, made.arn);
    return { LoadBalancers: [described(made)] };
  };

  const describe: Action<DescribeLoadBalancersInput, DescribeLoadBalancersOutput> = async (input, region) => {
    const { items, ...next } = page(chosen(input, region), input);
    return { LoadBalancers: items.map(described), ...next };
  };

  const remove: Action<DeleteLoadBalancerInput, DeleteLoadBalancerOutput> = async (input, region) => {
    const arn = required(input.LoadBalancerArn, 'loadBalancerArn');
    // AWS: if it does not exist or has already been deleted, the call succeeds.
    const found = region.store.get(loadBalancers, arn);
    if (found?.attributes['deletion_protection.enabled'] === 'true') {
      throw new AwsError(
        'OperationNotPermitted',
        `Load balancer '${arn}' cannot be deleted because deletion protection is enabled`,
      );
    }
    if (found !== undefined) await world.retire(region, arn, () => forget(region, arn));
    return {};
  };

  const describeAttributes: Action<
    DescribeLoadBalancerAttributesInput,
    DescribeLoadBalancerAttributesOutput
  > = async (input, region) => ({
    Attributes: listed(loadBalancer(region, input.LoadBalancerArn).attributes),
  });

  const change = async (region: Region, changed: LoadBalancer) => {
    await region.store.put(loadBalancers, changed.arn, changed);
    await world.enforce(region, changed.arn);
  };

  const modifyAttributes: Action<
    ModifyLoadBalancerAttributesInput,
    ModifyLoadBalancerAttributesOutput
  > = async (input, region) => {
    const before = loadBalancer(region, input.LoadBalancerArn);
    const after = changed(before.attributes, input.Attributes, 'Load balancer');
    within(Number(after['idle_timeout.timeout_seconds']), 'idle_timeout.timeout_seconds', 1, 4000);
    await change(region, { ...before, attributes: after });
    return { Attributes: listed(after) };
  };

  const setSecurityGroups: Action<SetSecurityGroupsInput, SetSecurityGroupsOutput> = async (
    input,
    region,
  ) => {
    const securityGroups = required(input.SecurityGroups, 'securityGroups');
    await change(region, { ...loadBalancer(region, input.LoadBalancerArn), securityGroups });
    return { SecurityGroupIds: securityGroups };
  };

  const setSubnets: Action<SetSubnetsInput, SetSubnetsOutput> = async (input, region) => {
    const after = { ...loadBalancer(region, input.LoadBalancerArn), subnets: subnetsOf(input) };
    await change(region, after);
    return { AvailabilityZones: zonesOf(after), IpAddressType: 'ipv4' };
  };

  return {
    CreateLoadBalancer: create,
    DescribeLoadBalancers: describe,
    DeleteLoadBalancer: remove,
    DescribeLoadBalancerAttributes: describeAttributes,
    ModifyLoadBalancerAttributes: modifyAttributes,
    SetSecurityGroups: setSecurityGroups,
    SetSubnets: setSubnets,
  };
}

type Wanted = Pick<LoadBalancer, 'name' | 'scheme' | 'subnets' | 'securityGroups'>;

function wantedOf(input: CreateLoadBalancerInput): Wanted {
  if ((input.Type ?? 'application') !== 'application')
    throw invalid(`The sandbox has application load balancers only, not '${input.Type}'`);
  return {
    name: named(input.Name, 'Load balancer'),
    scheme: input.Scheme ?? 'internet-facing',
    subnets: subnetsOf(input),
    securityGroups: input.SecurityGroups ?? [],
  };
}

function subnetsOf({ Subnets, SubnetMappings }: Pick<CreateLoadBalancerInput, 'Subnets' | 'SubnetMappings'>) {
  const subnets = Subnets ?? (SubnetMappings ?? []).map(({ SubnetId }) => required(SubnetId, 'subnetId'));
  if (new Set(subnets).size < 2)
    throw invalid('At least two subnets in two different Availability Zones must be specified');
  return subnets;
}

function isAlike(one: Wanted, other: Wanted): boolean {
  const sorted = (list: readonly string[]) => [...list].sort().join();
  return (
    one.scheme === other.scheme &&
    sorted(one.subnets) === sorted(other.subnets) &&
    sorted(one.securityGroups) === sorted(other.securityGroups)
  );
}

function freeAddress({ store, network }: Region): string {
  const taken = new Set(store.all(loadBalancers).map(({ address }) => address));
  const free = balancerAddresses(network).find((address) => !taken.has(address));
  if (free === undefined) {
    throw new AwsError(
      'TooManyLoadBalancers',
      `The maximum number of load balancers has been reached (${taken.size})`,
    );
  }
  return free;
}

function chosen(input: DescribeLoadBalancersInput, { store }: Region): readonly LoadBalancer[] {
  const all = store.all(loadBalancers);
  const wanted = input.LoadBalancerArns ?? input.Names;
  if (wanted === undefined || wanted.length === 0) return all;
  return wanted.map((one) => {
    const found = all.find(({ arn, name }) => one === arn || one === name);
    if (found !== undefined) return found;
    throw new AwsError('LoadBalancerNotFound', `Load balancers '[${one}]' not found`);
  });
}

async function forget({ store }: Region, arn: string): Promise<void> {
  const own = store.all(listeners).filter((listener) => listener.loadBalancer === arn);
  const below = store.all(rules).filter(({ listener }) => own.some((one) => one.arn === listener));
  for (const rule of below) await store.remove(rules, rule.arn);
  for (const listener of own) await store.remove(listeners, listener.arn);
  await store.remove(loadBalancers, arn);
}

function described(it: LoadBalancer): Described {
  return {
    LoadBalancerArn: it.arn,
    LoadBalancerName: it.name,
    DNSName: it.address,
    CanonicalHostedZoneId: 'Z35SXDOTRQ7X7K',
    CreatedTime: new Date(it.createdAt),
    Scheme: it.scheme,
    State: { Code: 'active' },
    Type: 'application',
    AvailabilityZones: zonesOf(it),
    SecurityGroups: it.securityGroups,
    IpAddressType: 'ipv4',
  };
}

function zonesOf({ subnets }: LoadBalancer) {
  return subnets.map((SubnetId) => ({ SubnetId }));
}
