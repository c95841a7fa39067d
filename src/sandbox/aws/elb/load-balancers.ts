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
import { type Action, AwsError, type Region } from '../action.js';
import { groups, interfaces } from '../ec2/documents.js';
import { defaultGroup } from '../ec2/groups.js';
import { takeAddress } from '../ec2/interfaces.js';
import { subnets, vpcId } from '../ec2/layout.js';
import type { BalancerState } from './balancer-state.js';
import { type LoadBalancer, listeners, loadBalancers, newArn, rules } from './documents.js';
import { changed, invalid, listed, named, page, pairs, required, within } from './request.js';

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
export function loadBalancerActions(world: BalancerState) {
  const create: Action<CreateLoadBalancerInput, CreateLoadBalancerOutput> = async (input, region) => {
    const { store } = region;
    const wanted = wantedOf(input, region);
    const same = store.all(loadBalancers).find(({ name }) => name === wanted.name);
    if (same !== undefined && !isAlike(same, wanted)) {
      throw new AwsError(
        'DuplicateLoadBalancerName',
        `A load balancer with the same name '${wanted.name}' exists, but with different settings`,
      );
    }
    const made = same ?? (await newBalancer(region, wanted, pairs(input.Tags)));
    await world.enforce(region, made.arn);
    return { LoadBalancers: [described(made, region)] };
  };

  const describe: Action<DescribeLoadBalancersInput, DescribeLoadBalancersOutput> = async (input, region) => {
    const { items, ...next } = page(chosen(input, region), input);
    return { LoadBalancers: items.map((it) => described(it, region)), ...next };
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
    const before = loadBalancer(region, input.LoadBalancerArn);
    const securityGroups = groupsNamed(region, required(input.SecurityGroups, 'securityGroups'));
    const had = region.store.get(interfaces, before.interface);
    if (had !== undefined) await region.store.put(interfaces, had.id, { ...had, groups: securityGroups });
    await change(region, { ...before, securityGroups });
    return { SecurityGroupIds: securityGroups };
  };

  const setSubnets: Action<SetSubnetsInput, SetSubnetsOutput> = async (input, region) => {
    const after = { ...loadBalancer(region, input.LoadBalancerArn), subnets: subnetsNamed(region, input) };
    await change(region, after);
    return { AvailabilityZones: zonesOf(after, region), IpAddressType: 'ipv4' };
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

function wantedOf(input: CreateLoadBalancerInput, region: Region): Wanted {
  if ((input.Type ?? 'application') !== 'application')
    throw invalid(`The sandbox has application load balancers only, not '${input.Type}'`);
  return {
    name: named(input.Name, 'Load balancer'),
    scheme: input.Scheme ?? 'internet-facing',
    subnets: subnetsNamed(region, input),
    securityGroups: groupsNamed(region, input.SecurityGroups ?? [defaultGroup(region)]),
  };
}

/** @throws AwsError `SubnetNotFound`, and `ValidationError` when they are not of two zones */
function subnetsNamed(
  region: Region,
  { Subnets, SubnetMappings }: Pick<CreateLoadBalancerInput, 'Subnets' | 'SubnetMappings'>,
): string[] {
  const ids = Subnets ?? (SubnetMappings ?? []).map(({ SubnetId }) => required(SubnetId, 'subnetId'));
  const zones = ids.map((id) => {
    const found = subnets(region).find((subnet) => subnet.id === id);
    if (found === undefined) throw new AwsError('SubnetNotFound', `The subnet ID '${id}' does not exist`);
    return found.zone;
  });
  if (new Set(zones).size < 2)
    throw invalid('At least two subnets in two different Availability Zones must be specified');
  if (new Set(zones).size < zones.length)
    throw invalid('A load balancer cannot be attached to multiple subnets in the same Availability Zone');
  return ids;
}

/** @throws AwsError `InvalidSecurityGroup` */
function groupsNamed({ store }: Region, ids: readonly string[]): string[] {
  const missing = ids.find((id) => store.get(groups, id) === undefined);
  if (missing !== undefined)
    throw new AwsError('InvalidSecurityGroup', `The security group '${missing}' does not exist`);
  return [...ids];
}

/** Has one address, in its first subnet; those of AWS have one in each. */
async function newBalancer(
  region: Region,
  wanted: Wanted,
  tags: Record<string, string>,
): Promise<LoadBalancer> {
  const arn = newArn(region, loadBalancers, `loadbalancer/app/${wanted.name}`);
  const description = arn.replace(/^.*:loadbalancer\//, 'ELB ');
  const subnet = subnets(region).find(({ id }) => id === wanted.subnets[0]);
  if (subnet === undefined) throw new AwsError('SubnetNotFound', 'The load balancer has no subnet');
  const { made, kept } = takeAddress(region, subnet, { groups: wanted.securityGroups, description });
  const createdAt = region.context.clock.now().getTime();
  const balancer = {
    ...{ ...wanted, arn, createdAt, attributes, tags },
    ...{ address: made.address, interface: made.id },
  };
  await Promise.all([kept, region.store.put(loadBalancers, arn, balancer)]);
  return balancer;
}

function isAlike(one: Wanted, other: Wanted): boolean {
  const sorted = (list: readonly string[]) => [...list].sort().join();
  return (
    one.scheme === other.scheme &&
    sorted(one.subnets) === sorted(other.subnets) &&
    sorted(one.securityGroups) === sorted(other.securityGroups)
  );
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
  const had = store.get(loadBalancers, arn);
  if (had !== undefined) await store.remove(interfaces, had.interface);
  const own = store.all(listeners).filter((listener) => listener.loadBalancer === arn);
  const below = store.all(rules).filter(({ listener }) => own.some((one) => one.arn === listener));
  for (const rule of below) await store.remove(rules, rule.arn);
  for (const listener of own) await store.remove(listeners, listener.arn);
  await store.remove(loadBalancers, arn);
}

function described(it: LoadBalancer, region: Region): Described {
  return {
    LoadBalancerArn: it.arn,
    LoadBalancerName: it.name,
    DNSName: it.address,
    CanonicalHostedZoneId: 'Z35SXDOTRQ7X7K',
    CreatedTime: new Date(it.createdAt),
    Scheme: it.scheme,
    State: { Code: 'active' },
    Type: 'application',
    VpcId: vpcId(region),
    AvailabilityZones: zonesOf(it, region),
    SecurityGroups: it.securityGroups,
    IpAddressType: 'ipv4',
  };
}

function zonesOf(it: LoadBalancer, region: Region) {
  return subnets(region)
    .filter(({ id }) => it.subnets.includes(id))
    .map(({ id, zone }) => ({ SubnetId: id, ZoneName: zone }));
}
