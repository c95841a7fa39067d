import type {
  TargetGroup as Described,
  TargetGroupAttribute,
  TargetHealthDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { Failure } from '../../domain/failure.js';
import { given } from '../../domain/given.js';
import type {
  Target,
  TargetGroup,
  TargetGroupSettings,
  TargetHealth,
  Tuning,
} from '../../domain/target-group.js';
import type { Cloud } from '../cloud.js';
import { unknownGroups } from '../failures.js';
import { attribute, balancers, seconds } from './balancers.js';
import { cleanMessage } from './clean-message.js';
import type { ConnectElb } from './connect-elb.js';
import { chunks, oneOf, pages } from './lists.js';
import { type AwsOptions, service } from './service.js';
import { notRegistered, targetReason } from './target-reasons.js';

const maxNames = 20;
const pageSize = 400;

const states = ['initial', 'healthy', 'unhealthy', 'draining', 'unused', 'unavailable'] as const;

/** Returns the calls to Elastic Load Balancing. */
export function elb(
  aws: AwsOptions,
): Pick<Cloud, 'targetGroups' | 'targets' | 'register' | 'deregister' | 'tune'> {
  const connect: ConnectElb = service('elasticloadbalancing', aws, async (config, middleware) => {
    const sdk = await import('./elb-sdk.js');
    const client = new sdk.ElasticLoadBalancingV2Client(config);
    client.middlewareStack.add(middleware, { step: 'initialize' });
    return { sdk, client };
  });
  return {
    async targetGroups(names) {
      const found = await described(connect, names);
      const groups = names.map((name) => found.find((one) => isNamed(one, name)));
      const missing = names.filter((_, at) => groups[at] === undefined);
      if (missing.length > 0) throw unknownGroups(missing, await groupNames(connect));
      return withBalancers(
        connect,
        groups.flatMap((group) => group ?? []),
      );
    },

    async targets(group) {
      const { client, sdk, options } = await connect();
      const { TargetHealthDescriptions } = await client.send(
        new sdk.DescribeTargetHealthCommand({ TargetGroupArn: group }),
        options,
      );
      return (TargetHealthDescriptions ?? []).flatMap(healthOf);
    },

    async register(group, targets) {
      if (targets.length === 0) return;
      const { client, sdk, options } = await connect();
      const Targets = targets.map(sdkTarget);
      await client.send(new sdk.RegisterTargetsCommand({ TargetGroupArn: group, Targets }), options);
    },

    async deregister(group, targets) {
      if (targets.length === 0) return;
      const { client, sdk, options } = await connect();
      const Targets = targets.map(sdkTarget);
      await client.send(new sdk.DeregisterTargetsCommand({ TargetGroupArn: group, Targets }), options);
    },

    tune: (group, tuning) => tune(connect, group, tuning),
  };
}

const isArn = (name: string) => name.startsWith('arn:');
const isNamed = (group: Described, name: string) =>
  group.TargetGroupArn === name || group.TargetGroupName === name;
const sdkTarget = ({ id, port }: Target) => ({ Id: id, Port: port });

/** Returns the named groups, or all groups if one is missing, because a missing group fails the whole call. */
async function described(connect: ConnectElb, names: readonly string[]): Promise<Described[]> {
  const unique = [...new Set(names)];
  const queries = [
    ...chunks(unique.filter(isArn), maxNames).map((TargetGroupArns) => ({ TargetGroupArns })),
    ...chunks(
      unique.filter((name) => !isArn(name)),
      maxNames,
    ).map((Names) => ({ Names })),
  ];
  const found: Described[] = [];
  for (const query of queries) {
    const { client, sdk, options } = await connect();
    try {
      const { TargetGroups } = await client.send(new sdk.DescribeTargetGroupsCommand(query), options);
      found.push(...(TargetGroups ?? []));
    } catch (error) {
      if (error instanceof Failure && error.code === 'cloud.no-group') return everyGroup(connect);
      throw error;
    }
  }
  return found;
}

async function everyGroup(connect: ConnectElb): Promise<Described[]> {
  const { client, sdk, options } = await connect();
  return pages(async (Marker) => {
    const page = await client.send(
      new sdk.DescribeTargetGroupsCommand({ PageSize: pageSize, Marker }),
      options,
    );
    return { members: page.TargetGroups, mark: page.NextMarker };
  });
}

async function groupNames(connect: ConnectElb): Promise<string[]> {
  return (await everyGroup(connect)).flatMap(({ TargetGroupName }) => TargetGroupName ?? []).sort();
}

async function withBalancers(connect: ConnectElb, groups: readonly Described[]): Promise<TargetGroup[]> {
  const balancersOf = await balancers(connect, groups);
  return Promise.all(
    groups.map(async (group) => {
      const arn = group.TargetGroupArn ?? '';
      const { client, sdk, options } = await connect();
      const { Attributes } = await client.send(
        new sdk.DescribeTargetGroupAttributesCommand({ TargetGroupArn: arn }),
        options,
      );
      return {
        arn,
        name: group.TargetGroupName ?? arn,
        ...given({ vpc: group.VpcId }),
        protocol: group.Protocol ?? '',
        settings: settingsOf(group, Attributes),
        balancers: balancersOf(group),
      };
    }),
  );
}

/** Missing settings have AWS's defaults (CreateTargetGroup, ModifyTargetGroupAttributes). */
function settingsOf(
  group: Described,
  attributes: readonly TargetGroupAttribute[] | undefined,
): TargetGroupSettings {
  const matcher = group.Matcher?.HttpCode ?? group.Matcher?.GrpcCode;
  return {
    healthCheck: {
      interval: seconds(group.HealthCheckIntervalSeconds ?? 30),
      timeout: seconds(group.HealthCheckTimeoutSeconds ?? 5),
      healthyThreshold: group.HealthyThresholdCount ?? 5,
      unhealthyThreshold: group.UnhealthyThresholdCount ?? 2,
      ...given({ path: group.HealthCheckPath, matcher }),
      port: group.HealthCheckPort ?? 'traffic-port',
    },
    deregistrationDelay: seconds(attribute(attributes, 'deregistration_delay.timeout_seconds') ?? 300),
    slowStart: seconds(attribute(attributes, 'slow_start.duration_seconds')),
    stickiness: attribute(attributes, 'stickiness.enabled') === 'true',
  };
}

function healthOf({ Target, TargetHealth }: TargetHealthDescription): TargetHealth[] {
  const { State: rawState, Reason, Description } = TargetHealth ?? {};
  if (Target?.Id === undefined || Target.Port === undefined || Reason === notRegistered) return [];
  // Network load balancers open no new connections to such a target.
  const state = rawState === 'unhealthy.draining' ? 'unhealthy' : oneOf(states, rawState);
  const unknown = state === undefined ? cleanMessage(`unknown state ${rawState ?? '(none)'}`) : undefined;
  const reason = Reason === undefined ? unknown : targetReason(Reason, Description);
  return [
    {
      id: Target.Id,
      port: Target.Port,
      // Treats an unknown state as not ready.
      state: state ?? 'unavailable',
      ...given({ reason }),
    },
  ];
}

/** Rounds up, because the values are minimums and the API takes whole seconds. */
const wholeSeconds = (ms: number) => Math.ceil(ms / 1000);

async function tune(connect: ConnectElb, group: string, tuning: Tuning): Promise<void> {
  const { interval, timeout, healthyThreshold, unhealthyThreshold, deregistrationDelay } = tuning;
  const { client, sdk, options } = await connect();
  const check = {
    ...(interval === undefined ? {} : { HealthCheckIntervalSeconds: wholeSeconds(interval) }),
    ...(timeout === undefined ? {} : { HealthCheckTimeoutSeconds: wholeSeconds(timeout) }),
    ...given({ HealthyThresholdCount: healthyThreshold, UnhealthyThresholdCount: unhealthyThreshold }),
  };
  if (Object.keys(check).length > 0)
    await client.send(new sdk.ModifyTargetGroupCommand({ TargetGroupArn: group, ...check }), options);
  if (deregistrationDelay === undefined) return;
  const Attributes = [
    { Key: 'deregistration_delay.timeout_seconds', Value: String(wholeSeconds(deregistrationDelay)) },
  ];
  await client.send(
    new sdk.ModifyTargetGroupAttributesCommand({ TargetGroupArn: group, Attributes }),
    options,
  );
}
