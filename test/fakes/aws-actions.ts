import type * as Ec2 from '@aws-sdk/client-ec2';
import type * as Elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { targetReasons } from '../../src/cloud/aws/target-reasons.js';
import { Failure } from '../../src/domain/failure.js';
import type { TargetGroup } from '../../src/domain/target-group.js';
import { type Action, AwsError } from '../../src/sandbox/aws/action.js';
import type { Actions } from '../../src/sandbox/aws/wire.js';
import type { FakeCloud } from './cloud.js';

/** The AWS error codes of the cloud's failures. */
const codes: Readonly<Record<string, string>> = {
  'cloud.no-group': 'TargetGroupNotFound',
  'cloud.no-instance': 'InvalidInstanceID.NotFound',
  'cloud.target-refused': 'InvalidTarget',
};

/** An API action that the fake cloud performs. */
function action<Input, Output extends object>(
  work: (input: Input) => Promise<Output>,
): Action<Input, Output> {
  return async (input) => {
    try {
      return await work(input);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new AwsError(codes[error.code] ?? error.code, error.message);
    }
  };
}

const valuesOf = (filters: Ec2.Filter[] | undefined, name: string) =>
  filters?.find(({ Name }) => Name === name)?.Values;
const zoned = (ZoneName: string) => ({ ZoneName });

/** The EC2 actions of the endpoint. */
export function ec2Actions(cloud: FakeCloud): Actions {
  return {
    DescribeInstances: action<Ec2.DescribeInstancesRequest, Ec2.DescribeInstancesResult>(
      async ({ Filters }) => {
        const ids = valuesOf(Filters, 'instance-id');
        const names = valuesOf(Filters, 'tag:Name') ?? [];
        const found = ids === undefined ? await cloud.instancesNamed(names) : await cloud.instances(ids);
        const Instances = found.map(
          ({ id, state, privateAddress, zone, securityGroups, tags }): Ec2.Instance => ({
            InstanceId: id,
            State: { Name: state },
            PrivateIpAddress: privateAddress,
            Placement: { AvailabilityZone: zone },
            SecurityGroups: securityGroups.map((GroupId) => ({ GroupId })),
            Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
          }),
        );
        return { Reservations: Instances.map((instance) => ({ Instances: [instance] })) };
      },
    ),
    CreateTags: action<Ec2.CreateTagsRequest, object>(async ({ Resources = [], Tags = [] }) => {
      const tags = Tags.map(({ Key = '', Value = '' }) => [Key, Value]);
      await cloud.tag(Resources, Object.fromEntries(tags));
      return {};
    }),
    DeleteTags: action<Ec2.DeleteTagsRequest, object>(async ({ Resources = [], Tags = [] }) => {
      await cloud.untag(
        Resources,
        Tags.flatMap(({ Key }) => Key ?? []),
      );
      return {};
    }),
    DescribeSecurityGroupRules: action<
      Ec2.DescribeSecurityGroupRulesRequest,
      Ec2.DescribeSecurityGroupRulesResult
    >(async ({ Filters }) => {
      const rules = await cloud.inboundRules(valuesOf(Filters, 'group-id') ?? []);
      return {
        SecurityGroupRules: rules.map(({ group, protocol, from, to, source }) => ({
          ...{ GroupId: group, IsEgress: false, IpProtocol: protocol, FromPort: from, ToPort: to },
          ...(source.startsWith('sg-') ? { ReferencedGroupInfo: { GroupId: source } } : { CidrIpv4: source }),
        })),
      };
    }),
  };
}

const secondsOf = (ms: number) => ms / 1000;
const targetsOf = (targets: Elb.TargetDescription[] | undefined) =>
  (targets ?? []).map(({ Id = '', Port = 0 }) => ({ id: Id, port: Port }));

function described({ arn, name, vpc, protocol, settings, balancers }: TargetGroup): Elb.TargetGroup {
  const { interval, timeout, healthyThreshold, unhealthyThreshold, path, matcher, port } =
    settings.healthCheck;
  return {
    TargetGroupArn: arn,
    TargetGroupName: name,
    VpcId: vpc,
    Protocol: protocol as Elb.ProtocolEnum,
    HealthCheckIntervalSeconds: secondsOf(interval),
    HealthCheckTimeoutSeconds: secondsOf(timeout),
    HealthyThresholdCount: healthyThreshold,
    UnhealthyThresholdCount: unhealthyThreshold,
    HealthCheckPath: path,
    HealthCheckPort: port,
    Matcher: { HttpCode: matcher },
    LoadBalancerArns: balancers.map((balancer) => balancer.arn),
  };
}

const setting = (Key: string, value: unknown) => ({ Key, Value: String(value) });

/** The Elastic Load Balancing actions of the endpoint. */
export function elbActions(cloud: FakeCloud): Actions {
  return {
    ...groupActions(cloud),
    ...tuningActions(cloud),
    ...balancerActions(cloud),
    ...targetActions(cloud),
  };
}

function groupActions(cloud: FakeCloud): Actions {
  const group = async (arn = '') => {
    const [found] = await cloud.targetGroups([arn]);
    if (found === undefined) throw new AwsError('TargetGroupNotFound', arn);
    return found;
  };
  return {
    DescribeTargetGroups: action<Elb.DescribeTargetGroupsInput, Elb.DescribeTargetGroupsOutput>(
      async ({ Names, TargetGroupArns, PageSize = 400, Marker = '0' }) => {
        if (Names ?? TargetGroupArns)
          return {
            TargetGroups: (await cloud.targetGroups([...(Names ?? []), ...(TargetGroupArns ?? [])])).map(
              described,
            ),
          };
        const end = Number(Marker) + PageSize;
        return {
          TargetGroups: cloud.groups.slice(Number(Marker), end).map(described),
          NextMarker: end < cloud.groups.length ? String(end) : undefined,
        };
      },
    ),
    DescribeTargetGroupAttributes: action<
      Elb.DescribeTargetGroupAttributesInput,
      Elb.DescribeTargetGroupAttributesOutput
    >(async ({ TargetGroupArn }) => {
      const { deregistrationDelay, slowStart, stickiness } = (await group(TargetGroupArn)).settings;
      return {
        Attributes: [
          setting('deregistration_delay.timeout_seconds', secondsOf(deregistrationDelay)),
          setting('slow_start.duration_seconds', secondsOf(slowStart)),
          setting('stickiness.enabled', stickiness),
        ],
      };
    }),
  };
}

function balancerActions(cloud: FakeCloud): Actions {
  const balancers = () => [
    ...new Map(
      cloud.groups.flatMap((one) => one.balancers.map((balancer) => [balancer.arn, balancer])),
    ).values(),
  ];
  /** The groups of a balancer; its listener forwards to the first by default, and to the others by paths. */
  const groupsOf = (arn = '') =>
    cloud.groups
      .filter((one) => one.balancers.some((balancer) => balancer.arn === arn))
      .map((one) => one.arn);
  return {
    DescribeLoadBalancers: action<Elb.DescribeLoadBalancersInput, Elb.DescribeLoadBalancersOutput>(
      async ({ LoadBalancerArns = [] }) => ({
        LoadBalancers: balancers()
          .filter(({ arn }) => LoadBalancerArns.includes(arn))
          .map(({ arn, name, kind, scheme, state, address, zones, securityGroups }) => ({
            ...{ LoadBalancerArn: arn, LoadBalancerName: name, Type: kind, Scheme: scheme, DNSName: address },
            State: { Code: state },
            AvailabilityZones: zones.map(zoned),
            SecurityGroups: [...securityGroups],
          })),
      }),
    ),
    DescribeLoadBalancerAttributes: action<
      Elb.DescribeLoadBalancerAttributesInput,
      Elb.DescribeLoadBalancerAttributesOutput
    >(async ({ LoadBalancerArn }) => {
      const found = balancers().find(({ arn }) => arn === LoadBalancerArn);
      return { Attributes: [setting('idle_timeout.timeout_seconds', secondsOf(found?.idleTimeout ?? 0))] };
    }),
    DescribeListeners: action<Elb.DescribeListenersInput, Elb.DescribeListenersOutput>(
      async ({ LoadBalancerArn }) => ({
        Listeners: balancers()
          .filter(({ arn }) => arn === LoadBalancerArn)
          .flatMap(({ listeners }) =>
            listeners.map(({ protocol, port }) => ({
              ListenerArn: `${LoadBalancerArn} ${port}`,
              Protocol: protocol as Elb.ProtocolEnum,
              Port: port,
              DefaultActions: [{ Type: 'forward' as const, TargetGroupArn: groupsOf(LoadBalancerArn)[0] }],
            })),
          ),
      }),
    ),
    DescribeRules: action<Elb.DescribeRulesInput, Elb.DescribeRulesOutput>(async ({ ListenerArn = '' }) => {
      const forward = (TargetGroupArn: string) => [
        { Type: 'forward' as const, ForwardConfig: { TargetGroups: [{ TargetGroupArn }] } },
      ];
      const [first = '', ...others] = groupsOf(ListenerArn.split(' ')[0]);
      const custom = others.map((arn, index) => ({
        Priority: String(index + 1),
        Conditions: [{ Field: 'path-pattern', Values: [`/${arn.split('/')[1]}/*`] }],
        Actions: forward(arn),
      }));
      return {
        Rules: [...custom.reverse(), { Priority: 'default', IsDefault: true, Actions: forward(first) }],
      };
    }),
  };
}

/** The AWS code of a reason; AWS reports HTTP codes in the description. */
function coded(reason = ''): Pick<Elb.TargetHealth, 'Reason' | 'Description'> {
  const [code] = Object.entries(targetReasons).find(([, words]) => reason.startsWith(words)) ?? [];
  const Description = /\[.*\]$/.exec(reason)?.[0];
  return { Reason: code as Elb.TargetHealthReasonEnum, Description };
}

function targetActions(cloud: FakeCloud): Actions {
  return {
    DescribeTargetHealth: action<Elb.DescribeTargetHealthInput, Elb.DescribeTargetHealthOutput>(
      async ({ TargetGroupArn = '' }) => ({
        TargetHealthDescriptions: (await cloud.targets(TargetGroupArn)).map(
          ({ id, port, state, reason }) => ({
            Target: { Id: id, Port: port },
            TargetHealth: { State: state, ...coded(reason) },
          }),
        ),
      }),
    ),
    RegisterTargets: action<Elb.RegisterTargetsInput, object>(async ({ TargetGroupArn = '', Targets }) => {
      await cloud.register(TargetGroupArn, targetsOf(Targets));
      return {};
    }),
    DeregisterTargets: action<Elb.DeregisterTargetsInput, object>(
      async ({ TargetGroupArn = '', Targets }) => {
        await cloud.deregister(TargetGroupArn, targetsOf(Targets));
        return {};
      },
    ),
  };
}

function tuningActions(cloud: FakeCloud): Actions {
  return {
    ModifyTargetGroup: action<Elb.ModifyTargetGroupInput, object>(
      async ({
        TargetGroupArn = '',
        HealthCheckIntervalSeconds: interval,
        HealthCheckTimeoutSeconds: timeout,
        ...to
      }) => {
        const { HealthyThresholdCount: healthyThreshold, UnhealthyThresholdCount: unhealthyThreshold } = to;
        await cloud.tune(TargetGroupArn, {
          ...(interval === undefined ? {} : { interval: interval * 1000 }),
          ...(timeout === undefined ? {} : { timeout: timeout * 1000 }),
          ...(healthyThreshold === undefined ? {} : { healthyThreshold }),
          ...(unhealthyThreshold === undefined ? {} : { unhealthyThreshold }),
        });
        return {};
      },
    ),
    ModifyTargetGroupAttributes: action<Elb.ModifyTargetGroupAttributesInput, object>(
      async ({ TargetGroupArn = '', Attributes = [] }) => {
        for (const { Key, Value } of Attributes)
          if (Key === 'deregistration_delay.timeout_seconds')
            await cloud.tune(TargetGroupArn, { deregistrationDelay: Number(Value) * 1000 });
        return {};
      },
    ),
  };
}
