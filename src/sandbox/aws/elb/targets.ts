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
import { inRange, required } from './request.js';
import { type Checks, checkKey } from './runtime.js';
import { balancerUsing, findTargetGroup } from './target-groups.js';

/** Returns the actions on targets; each port of an instance is a target. */
export function targetActions(state: BalancerState) {
  const change = async (region: Region, arn: string, targets: (group: TargetGroup) => readonly Target[]) => {
    // Read only now: targets may have changed during the address lookup.
    const group = findTargetGroup(region, arn);
    await region.store.put(targetGroups, arn, { ...group, targets: [...targets(group)] });
    const loadBalancer = balancerUsing(region, group);
    if (loadBalancer !== undefined) await state.sync(region, loadBalancer);
  };

  const register: Action<RegisterTargetsInput, RegisterTargetsOutput> = async (input, region) => {
    const { arn, port } = findTargetGroup(region, input.TargetGroupArn);
    const now = region.context.clock.now();
    const requested = await Promise.all(
      required(input.Targets, 'targets').map(async (one) => ({
        id: required(one.Id, 'id'),
        port: inRange(one.Port ?? port, 'Port', 1, 65535),
        address: await runningAddress(state, region, required(one.Id, 'id')),
        registeredAt: now.getTime(),
      })),
    );
    await change(region, arn, (group) => requested.reduce(withTarget, targetsOf(group, now)));
    return {};
  };

  const deregister: Action<DeregisterTargetsInput, DeregisterTargetsOutput> = async (
    input,
    region,
    faults,
  ) => {
    const { arn } = findTargetGroup(region, input.TargetGroupArn);
    const requested = required(input.Targets, 'targets');
    const now = region.context.clock.now();
    const leaks = isRealistic(region) || faults.has('leak');
    const leak = leaks ? { leaksUntil: now.getTime() + 1_000 * drawSeconds(region, 'leak') } : {};
    await change(region, arn, (group) => {
      const drain = balancerUsing(region, group) === undefined ? 0 : deregistrationDelayMs(group);
      const targets = targetsOf(group, now).map((target) =>
        target.goneAt === undefined && requested.some((one) => matchesTarget(one, target))
          ? { ...target, goneAt: now.getTime() + drain, ...leak }
          : target,
      );
      return targetsOf({ ...group, targets }, now);
    });
    return {};
  };

  const describe: Action<DescribeTargetHealthInput, DescribeTargetHealthOutput> = async (input, region) => {
    const group = findTargetGroup(region, input.TargetGroupArn);
    const present = targetsOf(group, region.context.clock.now());
    const requested = input.Targets ?? [];
    const selected =
      requested.length === 0
        ? present
        : present.filter((target) => requested.some((one) => matchesTarget(one, target)));
    const missing = requested.filter((one) => !present.some((target) => matchesTarget(one, target)));
    const checks = await checksOf(state, region, group);
    return {
      TargetHealthDescriptions: [
        ...(await Promise.all(
          selected.map((target) => targetResponse(state, region, group, target, checks)),
        )),
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

/** @throws AwsError `InvalidTarget` if the instance does not exist or does not run */
async function runningAddress(state: BalancerState, region: Region, id: string): Promise<string> {
  const instance = await state.addressOf(region, id);
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

/** Registers a draining target again; leaves a registered one unchanged. */
function withTarget(targets: readonly Target[], one: Target): readonly Target[] {
  const same = ({ id, port }: Target) => id === one.id && port === one.port;
  const present = targets.find(same);
  if (present === undefined) return [...targets, one];
  return present.goneAt === undefined ? targets : targets.map((target) => (same(target) ? one : target));
}

/** Without a port, an ID matches all ports. */
function matchesTarget(requested: TargetDescription, { id, port }: Target): boolean {
  return requested.Id === id && (requested.Port === undefined || requested.Port === port);
}

function deregistrationDelayMs({ attributes }: TargetGroup): number {
  return Number(attributes['deregistration_delay.timeout_seconds']) * 1000;
}

/** `undefined` if no load balancer uses the group. */
async function checksOf(
  state: BalancerState,
  region: Region,
  group: TargetGroup,
): Promise<Checks | undefined> {
  const loadBalancer = balancerUsing(region, group);
  const balancer = loadBalancer === undefined ? undefined : region.store.get(loadBalancers, loadBalancer);
  return balancer === undefined ? undefined : state.proxies.checks(region, balancer);
}

async function targetResponse(
  state: BalancerState,
  region: Region,
  group: TargetGroup,
  target: Target,
  checks: Checks | undefined,
): Promise<TargetHealthDescription> {
  const result = checks?.get(checkKey(group, serverName(target)));
  // A healthy target runs, so save a query to the engine.
  const running = result?.up === true || (await state.addressOf(region, target.id))?.running === true;
  const input = { target, check: group.check, result, used: checks !== undefined, running };
  return {
    Target: { Id: target.id, Port: target.port },
    HealthCheckPort: String(group.check.port ?? target.port),
    TargetHealth: healthOf({ ...input, now: region.context.clock.now() }),
  };
}
