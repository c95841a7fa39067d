import type { CloudCall } from '../../domain/plain-command.js';
import { commandLine } from '../../domain/shell.js';
import type { Target, Tuning } from '../../domain/target-group.js';

const verbs = {
  register: ['register-targets'],
  'wait-healthy': ['wait', 'target-in-service'],
  deregister: ['deregister-targets'],
  'wait-drained': ['wait', 'target-deregistered'],
} as const;

/** Returns the call as an AWS CLI command for a POSIX shell. */
export function awsCommand(call: CloudCall): string {
  const { kind } = call;
  if (kind === 'tag') return tagCommand('create-tags', call.instance, `Key=${call.key},Value=${call.value}`);
  if (kind === 'untag') return tagCommand('delete-tags', call.instance, `Key=${call.key}`);
  if (kind === 'tune') return tuneCommands(call.group, call.tuning).join(' && ');
  return elb(verbs[kind], call.group, ['--targets', ...call.targets.map(targetArgument)]);
}

const targetArgument = ({ id, port }: Target) => `Id=${id},Port=${port}`;

const elb = (verb: readonly string[], group: string, args: readonly string[]) =>
  commandLine(['aws', 'elbv2', ...verb, '--target-group-arn', group, ...args]);

const tagCommand = (verb: string, instance: string, tag: string) =>
  commandLine(['aws', 'ec2', verb, '--resources', instance, '--tags', tag]);

function tuneCommands(group: string, tuning: Tuning): readonly string[] {
  const { interval, timeout, healthyThreshold, unhealthyThreshold, deregistrationDelay } = tuning;
  const checks = [
    ...flag('--health-check-interval-seconds', seconds(interval)),
    ...flag('--health-check-timeout-seconds', seconds(timeout)),
    ...flag('--healthy-threshold-count', healthyThreshold),
    ...flag('--unhealthy-threshold-count', unhealthyThreshold),
  ];
  const delay = `Key=deregistration_delay.timeout_seconds,Value=${seconds(deregistrationDelay)}`;
  return [
    ...(checks.length === 0 ? [] : [elb(['modify-target-group'], group, checks)]),
    ...(deregistrationDelay === undefined
      ? []
      : [elb(['modify-target-group-attributes'], group, ['--attributes', delay])]),
  ];
}

const flag = (name: string, value: number | undefined) => (value === undefined ? [] : [name, `${value}`]);
const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
