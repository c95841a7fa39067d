import type {
  CreateTargetGroupInput,
  CreateTargetGroupOutput,
  DeleteTargetGroupInput,
  DeleteTargetGroupOutput,
  DescribeTargetGroupAttributesInput,
  DescribeTargetGroupAttributesOutput,
  DescribeTargetGroupsInput,
  DescribeTargetGroupsOutput,
  TargetGroup as Description,
  ModifyTargetGroupAttributesInput,
  ModifyTargetGroupAttributesOutput,
  ModifyTargetGroupInput,
  ModifyTargetGroupOutput,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type Action, AwsError, type Region } from '../action.js';
import { inUseError } from '../faults/catalog.js';
import { targetGroupsOf } from './balancer.js';
import type { BalancerState } from './balancer-state.js';
import { type HealthCheck, loadBalancers, newArn, type TargetGroup, targetGroups } from './documents.js';
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

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html */
const attributes = {
  'deregistration_delay.timeout_seconds': '300',
  'load_balancing.algorithm.type': 'round_robin',
  'load_balancing.cross_zone.enabled': 'use_load_balancer_configuration',
  'slow_start.duration_seconds': '0',
  'stickiness.enabled': 'false',
  'stickiness.type': 'lb_cookie',
  'stickiness.lb_cookie.duration_seconds': '86400',
};

/** Defaults of AWS for instance targets. */
const defaultCheck: HealthCheck = {
  ...{ path: '/', matcher: '200' },
  ...{ interval: 30, timeout: 5, healthy: 5, unhealthy: 2 },
};

/** Finds a target group by ARN. @throws AwsError `TargetGroupNotFound` */
export function findTargetGroup({ store }: Region, arn: string | undefined): TargetGroup {
  const found = store.get(targetGroups, required(arn, 'targetGroupArn'));
  if (found === undefined) throw notFound();
  return found;
}

/** Returns the ARN of the load balancer that forwards to the group; AWS allows only one. */
export function balancerUsing({ store }: Region, group: Pick<TargetGroup, 'arn'>): string | undefined {
  const uses = (arn: string) => targetGroupsOf(store, arn).some((one) => one.arn === group.arn);
  return store.all(loadBalancers).find(({ arn }) => uses(arn))?.arn;
}

/** Returns the actions on target groups. */
export function targetGroupActions(state: BalancerState) {
  const create: Action<CreateTargetGroupInput, CreateTargetGroupOutput> = async (input, region) => {
    const { store } = region;
    const settings = settingsOf(input);
    const existing = store.all(targetGroups).find(({ name }) => name === settings.name);
    if (existing !== undefined && !isSame(existing, settings)) {
      throw new AwsError(
        'DuplicateTargetGroupName',
        `A target group with the same name '${settings.name}' exists, but with different settings`,
      );
    }
    const created = existing ?? {
      ...settings,
      arn: newArn(region, targetGroups, `targetgroup/${settings.name}`),
      attributes,
      targets: [],
      tags: toRecord(input.Tags),
    };
    if (existing === undefined) await store.put(targetGroups, created.arn, created);
    return { TargetGroups: [toResponse(created, region)] };
  };

  const describe: Action<DescribeTargetGroupsInput, DescribeTargetGroupsOutput> = async (input, region) => {
    const { items, ...next } = paginate(selected(input, region), input);
    return { TargetGroups: items.map((group) => toResponse(group, region)), ...next };
  };

  const change = async (region: Region, group: TargetGroup) => {
    await region.store.put(targetGroups, group.arn, group);
    const loadBalancer = balancerUsing(region, group);
    if (loadBalancer !== undefined) await state.sync(region, loadBalancer);
  };

  const modify: Action<ModifyTargetGroupInput, ModifyTargetGroupOutput> = async (input, region) => {
    const before = findTargetGroup(region, input.TargetGroupArn);
    const after = { ...before, check: checkOf(input, before.check) };
    await change(region, after);
    return { TargetGroups: [toResponse(after, region)] };
  };

  const remove: Action<DeleteTargetGroupInput, DeleteTargetGroupOutput> = async (input, region) => {
    const arn = required(input.TargetGroupArn, 'targetGroupArn');
    if (balancerUsing(region, { arn }) !== undefined) {
      throw inUseError(input);
    }
    await region.store.remove(targetGroups, arn);
    return {};
  };

  const describeAttributes: Action<
    DescribeTargetGroupAttributesInput,
    DescribeTargetGroupAttributesOutput
  > = async (input, region) => ({
    Attributes: toPairs(findTargetGroup(region, input.TargetGroupArn).attributes),
  });

  const modifyAttributes: Action<
    ModifyTargetGroupAttributesInput,
    ModifyTargetGroupAttributesOutput
  > = async (input, region) => {
    const before = findTargetGroup(region, input.TargetGroupArn);
    const after = checkedAttributes(mergeAttributes(before.attributes, input.Attributes, 'Target group'));
    await change(region, { ...before, attributes: after });
    return { Attributes: toPairs(after) };
  };

  return {
    CreateTargetGroup: create,
    DescribeTargetGroups: describe,
    ModifyTargetGroup: modify,
    DeleteTargetGroup: remove,
    DescribeTargetGroupAttributes: describeAttributes,
    ModifyTargetGroupAttributes: modifyAttributes,
  };
}

type Settings = Pick<TargetGroup, 'name' | 'port' | 'vpc' | 'check'>;

function settingsOf(input: CreateTargetGroupInput): Settings {
  if ((input.TargetType ?? 'instance') !== 'instance')
    throw invalid(`The sandbox supports only targets of type instance, not '${input.TargetType}'`);
  if (required(input.Protocol, 'protocol') !== 'HTTP')
    throw invalid(`The sandbox supports only HTTP targets, not '${input.Protocol}'`);
  return {
    name: validName(input.Name, 'Target group'),
    port: inRange(required(input.Port, 'port'), 'Port', 1, 65535),
    vpc: required(input.VpcId, 'vpcId'),
    check: checkOf(input, defaultCheck),
  };
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html */
function checkOf(input: Omit<ModifyTargetGroupInput, 'TargetGroupArn'>, before: HealthCheck): HealthCheck {
  if ((input.HealthCheckProtocol ?? 'HTTP') !== 'HTTP')
    throw invalid(`The sandbox supports only HTTP health checks, not '${input.HealthCheckProtocol}'`);
  if (input.HealthCheckEnabled === false)
    throw invalid('Health checks must be enabled for target groups with target type instance');
  const { port: portBefore, ...rest } = before;
  const port = input.HealthCheckPort === undefined ? portBefore : portOf(input.HealthCheckPort);
  const after = {
    ...rest,
    ...(port === undefined ? {} : { port }),
    path: input.HealthCheckPath ?? before.path,
    matcher: input.Matcher?.HttpCode ?? before.matcher,
    interval: inRange(
      input.HealthCheckIntervalSeconds ?? before.interval,
      'Health check interval seconds',
      5,
      300,
    ),
    timeout: inRange(
      input.HealthCheckTimeoutSeconds ?? before.timeout,
      'Health check timeout seconds',
      2,
      120,
    ),
    healthy: inRange(input.HealthyThresholdCount ?? before.healthy, 'Healthy threshold count', 2, 10),
    unhealthy: inRange(input.UnhealthyThresholdCount ?? before.unhealthy, 'Unhealthy threshold count', 2, 10),
  };
  if (!/^\/\S{0,1023}$/.test(after.path))
    throw invalid(`Health check path '${after.path}' must begin with '/'`);
  if (!/^[2-4]\d\d(-[2-4]\d\d)?(,[2-4]\d\d(-[2-4]\d\d)?)*$/.test(after.matcher))
    throw invalid(`Health check matcher HTTP code '${after.matcher}' must be within 200-499`);
  if (after.interval <= after.timeout)
    throw invalid(`Health check interval must be greater than the timeout.`);
  return after;
}

function portOf(text: string): number | undefined {
  return text === 'traffic-port' ? undefined : inRange(Number(text), 'Health check port', 1, 65535);
}

function checkedAttributes(after: Record<string, string>): Record<string, string> {
  const delay = 'deregistration_delay.timeout_seconds';
  inRange(Number(after[delay]), delay, 0, 3600);
  const slow = 'slow_start.duration_seconds';
  if (after[slow] !== '0') inRange(Number(after[slow]), slow, 30, 900);
  if (after['stickiness.enabled'] === 'true') throw invalid('The sandbox does not support sticky sessions');
  return after;
}

function isSame(one: Settings, other: Settings): boolean {
  return one.port === other.port && one.vpc === other.vpc && sameCheck(one.check, other.check);
}

function sameCheck(one: HealthCheck, other: HealthCheck): boolean {
  const keys = [...Object.keys(one), ...Object.keys(other)] as (keyof HealthCheck)[];
  return keys.every((key) => one[key] === other[key]);
}

function selected(input: DescribeTargetGroupsInput, region: Region): readonly TargetGroup[] {
  const { store } = region;
  const all = store.all(targetGroups);
  if (input.LoadBalancerArn !== undefined) {
    if (store.get(loadBalancers, input.LoadBalancerArn) === undefined)
      throw new AwsError('LoadBalancerNotFound', `Load balancers '[${input.LoadBalancerArn}]' not found`);
    return targetGroupsOf(store, input.LoadBalancerArn);
  }
  const requested = input.TargetGroupArns ?? input.Names;
  if (requested === undefined || requested.length === 0) return all;
  return requested.map((one) => {
    const found = all.find(({ arn, name }) => one === arn || one === name);
    if (found === undefined) throw notFound();
    return found;
  });
}

function notFound(): AwsError {
  return new AwsError('TargetGroupNotFound', 'One or more target groups not found');
}

function toResponse(it: TargetGroup, region: Region): Description {
  const loadBalancer = balancerUsing(region, it);
  const { check } = it;
  return {
    TargetGroupArn: it.arn,
    TargetGroupName: it.name,
    Protocol: 'HTTP',
    ProtocolVersion: 'HTTP1',
    Port: it.port,
    VpcId: it.vpc,
    TargetType: 'instance',
    IpAddressType: 'ipv4',
    LoadBalancerArns: loadBalancer === undefined ? [] : [loadBalancer],
    HealthCheckEnabled: true,
    HealthCheckProtocol: 'HTTP',
    HealthCheckPort: check.port === undefined ? 'traffic-port' : String(check.port),
    HealthCheckPath: check.path,
    HealthCheckIntervalSeconds: check.interval,
    HealthCheckTimeoutSeconds: check.timeout,
    HealthyThresholdCount: check.healthy,
    UnhealthyThresholdCount: check.unhealthy,
    Matcher: { HttpCode: check.matcher },
  };
}
