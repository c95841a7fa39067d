import type {
  DeregisterTargetsInput,
  DeregisterTargetsOutput,
  DescribeTargetHealthInput,
  DescribeTargetHealthOutput,
  RegisterTargetsInput,
  RegisterTargetsOutput,
  TargetDescription,
  TargetHealthDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { type Action, AwsError, type Region } from '../action.js';
import { drawSeconds, isRealistic } from '../faults/profile.js';
import { serverName, targetsOf } from './balancer.js';
import type { BalancerState } from './balancer-state.js';
import { loadBalancers, type Target, type TargetGroup, targetGroups } from './documents.js';
import { healthOf, notRegistered } from './health.js';
import { required, within } from './request.js';
import { type Checks, checkKey } from './runtime.js';
import { targetGroup, userOf } from './target-groups.js';

/** The actions on the targets of a group; several ports of one instance are several targets. */
export function targetActions(world: BalancerState) {
  const change = async (region: Region, arn: string, targets: (group: TargetGroup) => readonly Target[]) => {
    // Looked up only now: other targets may have come and gone while an address was asked for.
    const group = targetGroup(region, arn);
    await region.store.put(targetGroups, arn, { ...group, targets: [...targets(group)] });
    const user = userOf(region, group);
    if (user !== undefined) await world.enforce(region, user);
  };

  const register: Action<RegisterTargetsInput, RegisterTargetsOutput> = async (input, region) => {
    const { arn, port } = targetGroup(region, input.TargetGroupArn);
    const now = region.context.clock.now();
    const asked = await Promise.all(
      required(input.Targets, 'targets').map(async (one) => ({
        id: required(one.Id, 'id'),
        port: within(one.Port ?? port, 'Port', 1, 65535),
        address: await runningAddress(world, region, required(one.Id, 'id')),
        registeredAt: now.getTime(),
      })),
    );
    await change(region, arn, (group) => asked.reduce(registered, targetsOf(group, now)));
    return {};
  };

  const deregister: Action<DeregisterTargetsInput, DeregisterTargetsOutput> = async (
    input,
    region,
    struck,
  ) => {
    const { arn } = targetGroup(region, input.TargetGroupArn);
    const asked = required(input.Targets, 'targets');
    const now = region.context.clock.now();
    const leaks = isRealistic(region) || struck.has('leak');
    const leak = leaks ? { leaksUntil: now.getTime() + 1_000 * drawSeconds(region, 'leak') } : {};
    await change(region, arn, (group) => {
      const drain = userOf(region, group) === undefined ? 0 : delayOf(group);
      const targets = targetsOf(group, now).map((target) =>
        target.goneAt === undefined && asked.some((one) => isMeant(one, target))
          ? { ...target, goneAt: now.getTime() + drain, ...leak }
          : target,
      );
      return targetsOf({ ...group, targets }, now);
    });
    return {};
  };

  const describe: Action<DescribeTargetHealthInput, DescribeTargetHealthOutput> = async (input, region) => {
    const group = targetGroup(region, input.TargetGroupArn);
    const present = targetsOf(group, region.context.clock.now());
    const asked = input.Targets ?? [];
    const meant =
      asked.length === 0 ? present : present.filter((target) => asked.some((one) => isMeant(one, target)));
    const missing = asked.filter((one) => !present.some((target) => isMeant(one, target)));
    const checks = await checksOf(world, region, group);
    return {
      TargetHealthDescriptions: [
        ...(await Promise.all(meant.map((target) => describedTarget(world, region, group, target, checks)))),
        ...missing.map((one) => ({
          Target: { Id: one.Id, Port: one.Port ?? group.port },
          HealthCheckPort: String(group.check.port ?? one.Port ?? group.port),
          TargetHealth: notRegistered,
        })),
      ],
    };
  };

  return { RegisterTargets: register, DeregisterTargets: deregister, DescribeTargetHealth: describe };
}

/** @throws AwsError `InvalidTarget` when there is no such instance, or it does not run */
async function runningAddress(world: BalancerState, region: Region, id: string): Promise<string> {
  const instance = await world.addressOf(region, id);
  if (instance === undefined)
    throw new AwsError('InvalidTarget', `The following targets are not valid instances: '${id}'`);
  if (!instance.running) {
    throw new AwsError(
      'InvalidTarget',
      `The following targets are not in a running state and cannot be registered: '${id}'`,
    );
  }
  return instance.address;
}

/** A target that drains is brought back; one that is there already stays as it is. */
function registered(targets: readonly Target[], one: Target): readonly Target[] {
  const same = ({ id, port }: Target) => id === one.id && port === one.port;
  const present = targets.find(same);
  if (present === undefined) return [...targets, one];
  return present.goneAt === undefined ? targets : targets.map((target) => (same(target) ? one : target));
}

/** An ID without a port means all of its ports. */
function isMeant(asked: TargetDescription, { id, port }: Target): boolean {
  return asked.Id === id && (asked.Port === undefined || asked.Port === port);
}

function delayOf({ attributes }: TargetGroup): number {
  return Number(attributes['deregistration_delay.timeout_seconds']) * 1000;
}

/** What the proxy has found, `undefined` when none uses the group. */
async function checksOf(
  world: BalancerState,
  region: Region,
  group: TargetGroup,
): Promise<Checks | undefined> {
  const user = userOf(region, group);
  const balancer = user === undefined ? undefined : region.store.get(loadBalancers, user);
  return balancer === undefined ? undefined : world.proxies.checks(region, balancer);
}

async function describedTarget(
  world: BalancerState,
  region: Region,
  group: TargetGroup,
  target: Target,
  checks: Checks | undefined,
): Promise<TargetHealthDescription> {
  const found = checks?.get(checkKey(group, serverName(target)));
  // Who passes the checks runs: the engine is asked about the others only.
  const running = found?.up === true || (await world.addressOf(region, target.id))?.running === true;
  const circumstances = { target, check: group.check, found, used: checks !== undefined, running };
  return {
    Target: { Id: target.id, Port: target.port },
    HealthCheckPort: String(group.check.port ?? target.port),
    TargetHealth: healthOf({ ...circumstances, now: region.context.clock.now() }),
  };
}
