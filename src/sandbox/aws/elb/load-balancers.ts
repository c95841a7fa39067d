import type {
  CreateLoadBalancerInput,
  CreateLoadBalancerOutput,
  DeleteLoadBalancerInput,
  DeleteLoadBalancerOutput,
  DescribeLoadBalancerAttributesInput,
  DescribeLoadBalancerAttributesOutput,
  DescribeLoadBalancersInput,
  DescribeLoadBalancersOutput,
  LoadBalancer as Description,
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
import { allocateAddress } from '../ec2/interfaces.js';
import { subnets, vpcId } from '../ec2/layout.js';
import type { BalancerState } from './balancer-state.js';
import { type LoadBalancer, listeners, loadBalancers, newArn, rules } from './documents.js';
import {
  inRange,
  invalid,
  mergeAttributes,
  paginate,
  required,
  toPairs,
  toRecord,
  validName,
} from './request.js';

/** Most have no effect here, but can be set and read. */
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

/** Finds a load balancer by ARN. @throws AwsError `LoadBalancerNotFound` */
export function findLoadBalancer({ store }: Region, arn: string | undefined): LoadBalancer {
  const found = store.get(loadBalancers, required(arn, 'loadBalancerArn'));
  if (found === undefined)
    throw new AwsError('LoadBalancerNotFound', `Load balancers '[${arn}]' not found`, 400);
  return found;
}

/** Returns the actions on load balancers. */
export function loadBalancerActions(state: BalancerState) {
  const create: Action<CreateLoadBalancerInput, CreateLoadBalancerOutput> = async (input, region) => {
    const { store } = region;
    const settings = settingsOf(input, region);
    const existing = store.all(loadBalancers).find(({ name }) => name === settings.name);
    if (existing !== undefined && !isSame(existing, settings)) {
      throw new AwsError(
        'DuplicateLoadBalancerName',
        `A load balancer with the same name '${settings.name}' exists, but with different settings`,
      );
    }
    const created = existing ?? (await createLoadBalancer(region, settings, toRecord(input.Tags)));
    await state.sync(region, created.arn);
    return { LoadBalancers: [toResponse(created, region)] };
  };

  const describe: Action<DescribeLoadBalancersInput, DescribeLoadBalancersOutput> = async (input, region) => {
    const { items, ...next } = paginate(selected(input, region), input);
    return { LoadBalancers: items.map((it) => toResponse(it, region)), ...next };
  };

  const remove: Action<DeleteLoadBalancerInput, DeleteLoadBalancerOutput> = async (input, region) => {
    const arn = required(input.LoadBalancerArn, 'loadBalancerArn');
    // As in AWS: deleting a missing load balancer succeeds.
    const found = region.store.get(loadBalancers, arn);
    if (found?.attributes['deletion_protection.enabled'] === 'true') {
      throw new AwsError(
        'OperationNotPermitted',
        `Load balancer '${arn}' cannot be deleted because deletion protection is enabled`,
      );
    }
    if (found !== undefined) await state.removeProxy(region, arn, () => removeDocuments(region, arn));
    return {};
  };

  const describeAttributes: Action<
    DescribeLoadBalancerAttributesInput,
    DescribeLoadBalancerAttributesOutput
  > = async (input, region) => ({
    Attributes: toPairs(findLoadBalancer(region, input.LoadBalancerArn).attributes),
  });

  const change = async (region: Region, changed: LoadBalancer) => {
    await region.store.put(loadBalancers, changed.arn, changed);
    await state.sync(region, changed.arn);
  };

  const modifyAttributes: Action<
    ModifyLoadBalancerAttributesInput,
    ModifyLoadBalancerAttributesOutput
  > = async (input, region) => {
    const before = findLoadBalancer(region, input.LoadBalancerArn);
    const after = mergeAttributes(before.attributes, input.Attributes, 'Load balancer');
    inRange(Number(after['idle_timeout.timeout_seconds']), 'idle_timeout.timeout_seconds', 1, 4000);
    await change(region, { ...before, attributes: after });
    return { Attributes: toPairs(after) };
  };

  const setSecurityGroups: Action<SetSecurityGroupsInput, SetSecurityGroupsOutput> = async (
    input,
    region,
  ) => {
    const before = findLoadBalancer(region, input.LoadBalancerArn);
    const securityGroups = existingGroups(region, required(input.SecurityGroups, 'securityGroups'));
    const nic = region.store.get(interfaces, before.interface);
    if (nic !== undefined) await region.store.put(interfaces, nic.id, { ...nic, groups: securityGroups });
    await change(region, { ...before, securityGroups });
    return { SecurityGroupIds: securityGroups };
  };

  const setSubnets: Action<SetSubnetsInput, SetSubnetsOutput> = async (input, region) => {
    const before = findLoadBalancer(region, input.LoadBalancerArn);
    const after = { ...before, subnets: validSubnets(region, input) };
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

type Settings = Pick<LoadBalancer, 'name' | 'scheme' | 'subnets' | 'securityGroups'>;

function settingsOf(input: CreateLoadBalancerInput, region: Region): Settings {
  if ((input.Type ?? 'application') !== 'application')
    throw invalid(`The sandbox supports only application load balancers, not '${input.Type}'`);
  return {
    name: validName(input.Name, 'Load balancer'),
    scheme: input.Scheme ?? 'internet-facing',
    subnets: validSubnets(region, input),
    securityGroups: existingGroups(region, input.SecurityGroups ?? [defaultGroup(region)]),
  };
}

/** @throws AwsError `SubnetNotFound`, or `ValidationError` if they are not in two zones */
function validSubnets(
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
function existingGroups({ store }: Region, ids: readonly string[]): string[] {
  const missing = ids.find((id) => store.get(groups, id) === undefined);
  if (missing !== undefined)
    throw new AwsError('InvalidSecurityGroup', `The security group '${missing}' does not exist`);
  return [...ids];
}

/** Has one address, in the first subnet; in AWS it has one per subnet. */
async function createLoadBalancer(
  region: Region,
  settings: Settings,
  tags: Record<string, string>,
): Promise<LoadBalancer> {
  const arn = newArn(region, loadBalancers, `loadbalancer/app/${settings.name}`);
  const description = arn.replace(/^.*:loadbalancer\//, 'ELB ');
  const subnet = subnets(region).find(({ id }) => id === settings.subnets[0]);
  if (subnet === undefined) throw new AwsError('SubnetNotFound', 'The load balancer has no subnet');
  const owner = { groups: settings.securityGroups, description };
  const { created, stored } = allocateAddress(region, subnet, owner);
  const createdAt = region.context.clock.now().getTime();
  const balancer = {
    ...{ ...settings, arn, createdAt, attributes, tags },
    ...{ address: created.address, interface: created.id },
  };
  await Promise.all([stored, region.store.put(loadBalancers, arn, balancer)]);
  return balancer;
}

function isSame(one: Settings, other: Settings): boolean {
  const sorted = (list: readonly string[]) => [...list].sort().join();
  return (
    one.scheme === other.scheme &&
    sorted(one.subnets) === sorted(other.subnets) &&
    sorted(one.securityGroups) === sorted(other.securityGroups)
  );
}

function selected(input: DescribeLoadBalancersInput, { store }: Region): readonly LoadBalancer[] {
  const all = store.all(loadBalancers);
  const requested = input.LoadBalancerArns ?? input.Names;
  if (requested === undefined || requested.length === 0) return all;
  return requested.map((one) => {
    const found = all.find(({ arn, name }) => one === arn || one === name);
    if (found !== undefined) return found;
    throw new AwsError('LoadBalancerNotFound', `Load balancers '[${one}]' not found`);
  });
}

async function removeDocuments({ store }: Region, arn: string): Promise<void> {
  const balancer = store.get(loadBalancers, arn);
  if (balancer !== undefined) await store.remove(interfaces, balancer.interface);
  const ownListeners = store.all(listeners).filter((listener) => listener.loadBalancer === arn);
  const ownRules = store
    .all(rules)
    .filter(({ listener }) => ownListeners.some((one) => one.arn === listener));
  for (const rule of ownRules) await store.remove(rules, rule.arn);
  for (const listener of ownListeners) await store.remove(listeners, listener.arn);
  await store.remove(loadBalancers, arn);
}

function toResponse(it: LoadBalancer, region: Region): Description {
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
