import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type * as Ec2 from '@aws-sdk/client-ec2';
import type * as Elb from '@aws-sdk/client-elastic-load-balancing-v2';
import type { TargetGroup } from '../../src/cloud/cloud.js';
import { Failure } from '../../src/domain/failure.js';
import { type Action, AwsError } from '../../src/sandbox/aws/action.js';
import { type Actions, answer, type Services } from '../../src/sandbox/aws/wire.js';
import { fakeRegion } from '../unit/sandbox/aws/region.js';
import type { FakeCloud } from './cloud.js';

/** What a request is answered with instead. */
export interface Instead {
  readonly status: number;
  readonly body: string;
  /** It is not AWS that answers. */
  readonly foreign?: true;
}

/** An error as EC2 and Elastic Load Balancing say it: both of the SDKs read both forms. */
export function refusal(code: string, message = 'no', status = 400): Instead {
  const error = `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, body: `<Response><Errors>${error}</Errors><RequestID>1</RequestID></Response>` };
}

/** The same, as Elastic Load Balancing says it. */
export function elbRefusal(code: string, message = 'no', status = 400): Instead {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, body: `<ErrorResponse>${error}<RequestId>1</RequestId></ErrorResponse>` };
}

/** An endpoint on this machine that speaks EC2 and Elastic Load Balancing, and knows what a fake cloud knows. */
export interface AwsApi {
  readonly endpoint: string;
  /** What was asked, in order. */
  readonly asked: readonly { readonly action: string; readonly form: URLSearchParams }[];
  /** The next `times` requests of the action are answered otherwise. */
  instead(action: string, other: Instead, times?: number): void;
  close(): void;
}

/** Starts one on a free port. */
export async function awsApi(cloud: FakeCloud): Promise<AwsApi> {
  const region = await fakeRegion();
  const services = await servicesOf(cloud);
  const asked: { action: string; form: URLSearchParams }[] = [];
  const others: { action: string; other: Instead; times: number }[] = [];
  const server = createServer((request, response) => {
    void text(request).then(async (form) => {
      const action = new URLSearchParams(form).get('Action') ?? '';
      asked.push({ action, form: new URLSearchParams(form) });
      const scripted = others.find((one) => one.action === action && one.times > 0);
      if (scripted !== undefined) scripted.times -= 1;
      const authorization = request.headers.authorization;
      const reply: Instead = scripted?.other ?? (await answer(services, region, { authorization, form }));
      const number = reply.foreign === true ? {} : { 'x-amzn-requestid': '1' };
      response.writeHead(reply.status, { 'content-type': 'text/xml', ...number }).end(reply.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    instead: (action, other, times = 1) => others.push({ action, other, times }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function servicesOf(cloud: FakeCloud): Promise<Services> {
  return {
    ec2: {
      protocol: 'ec2Query',
      version: '2016-11-15',
      namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
      schemas: await import('@aws-sdk/client-ec2'),
      actions: ec2Of(cloud),
    },
    elasticloadbalancing: {
      protocol: 'awsQuery',
      version: '2015-12-01',
      namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
      schemas: await import('@aws-sdk/client-elastic-load-balancing-v2'),
      actions: elbOf(cloud),
    },
  };
}

/** The codes with which AWS says what the cloud says. */
const codes: Readonly<Record<string, string>> = {
  'cloud.no-group': 'TargetGroupNotFound',
  'cloud.no-instance': 'InvalidInstanceID.NotFound',
  'cloud.target-refused': 'InvalidTarget',
};

/** An action of the API, done by the cloud. */
function by<Input, Output extends object>(work: (input: Input) => Promise<Output>): Action<Input, Output> {
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

function ec2Of(cloud: FakeCloud): Actions {
  return {
    DescribeInstances: by<Ec2.DescribeInstancesRequest, Ec2.DescribeInstancesResult>(async ({ Filters }) => {
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
    }),
    CreateTags: by<Ec2.CreateTagsRequest, object>(async ({ Resources = [], Tags = [] }) => {
      const tags = Tags.map(({ Key = '', Value = '' }) => [Key, Value]);
      await cloud.tag(Resources, Object.fromEntries(tags));
      return {};
    }),
    DeleteTags: by<Ec2.DeleteTagsRequest, object>(async ({ Resources = [], Tags = [] }) => {
      await cloud.untag(
        Resources,
        Tags.flatMap(({ Key }) => Key ?? []),
      );
      return {};
    }),
    DescribeSecurityGroupRules: by<
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

function elbOf(cloud: FakeCloud): Actions {
  const group = async (arn = '') => {
    const [found] = await cloud.targetGroups([arn]);
    if (found === undefined) throw new AwsError('TargetGroupNotFound', arn);
    return found;
  };
  const balancers = () => [
    ...new Map(
      cloud.groups.flatMap((one) => one.balancers.map((balancer) => [balancer.arn, balancer])),
    ).values(),
  ];
  /** A listener forwards to the first of them by default, and to the others by rules. */
  const fedBy = (arn = '') =>
    cloud.groups
      .filter((one) => one.balancers.some((balancer) => balancer.arn === arn))
      .map((one) => one.arn);
  const setting = (Key: string, value: unknown) => ({ Key, Value: String(value) });
  return {
    DescribeTargetGroups: by<Elb.DescribeTargetGroupsInput, Elb.DescribeTargetGroupsOutput>(
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
    DescribeTargetGroupAttributes: by<
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
    DescribeLoadBalancers: by<Elb.DescribeLoadBalancersInput, Elb.DescribeLoadBalancersOutput>(
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
    DescribeLoadBalancerAttributes: by<
      Elb.DescribeLoadBalancerAttributesInput,
      Elb.DescribeLoadBalancerAttributesOutput
    >(async ({ LoadBalancerArn }) => {
      const found = balancers().find(({ arn }) => arn === LoadBalancerArn);
      return { Attributes: [setting('idle_timeout.timeout_seconds', secondsOf(found?.idleTimeout ?? 0))] };
    }),
    DescribeListeners: by<Elb.DescribeListenersInput, Elb.DescribeListenersOutput>(
      async ({ LoadBalancerArn }) => ({
        Listeners: balancers()
          .filter(({ arn }) => arn === LoadBalancerArn)
          .flatMap(({ listeners }) =>
            listeners.map(({ protocol, port }) => ({
              ListenerArn: `${LoadBalancerArn} ${port}`,
              Protocol: protocol as Elb.ProtocolEnum,
              Port: port,
              DefaultActions: [{ Type: 'forward' as const, TargetGroupArn: fedBy(LoadBalancerArn)[0] }],
            })),
          ),
      }),
    ),
    DescribeRules: by<Elb.DescribeRulesInput, Elb.DescribeRulesOutput>(async ({ ListenerArn = '' }) => ({
      Rules: fedBy(ListenerArn.split(' ')[0])
        .slice(1)
        .map((TargetGroupArn) => ({
          Actions: [{ Type: 'forward' as const, ForwardConfig: { TargetGroups: [{ TargetGroupArn }] } }],
        })),
    })),
    DescribeTargetHealth: by<Elb.DescribeTargetHealthInput, Elb.DescribeTargetHealthOutput>(
      async ({ TargetGroupArn = '' }) => ({
        TargetHealthDescriptions: (await cloud.targets(TargetGroupArn)).map(
          ({ id, port, state, reason, description }) => ({
            Target: { Id: id, Port: port },
            TargetHealth: {
              State: state,
              Reason: reason as Elb.TargetHealthReasonEnum,
              Description: description,
            },
          }),
        ),
      }),
    ),
    RegisterTargets: by<Elb.RegisterTargetsInput, object>(async ({ TargetGroupArn = '', Targets }) => {
      await cloud.register(TargetGroupArn, targetsOf(Targets));
      return {};
    }),
    DeregisterTargets: by<Elb.DeregisterTargetsInput, object>(async ({ TargetGroupArn = '', Targets }) => {
      await cloud.deregister(TargetGroupArn, targetsOf(Targets));
      return {};
    }),
    ModifyTargetGroup: by<Elb.ModifyTargetGroupInput, object>(
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
    ModifyTargetGroupAttributes: by<Elb.ModifyTargetGroupAttributesInput, object>(
      async ({ TargetGroupArn = '', Attributes = [] }) => {
        for (const { Key, Value } of Attributes)
          if (Key === 'deregistration_delay.timeout_seconds')
            await cloud.tune(TargetGroupArn, { deregistrationDelay: Number(Value) * 1000 });
        return {};
      },
    ),
  };
}
