import { expect, it } from '@jest/globals';
import { awsCommand } from '../../../../src/cloud/aws/commands.js';

const group = 'arn:web';
const targets = [
  { id: 'i-1', port: 80 },
  { id: 'i-2', port: 81 },
];

it.each([
  ['register', 'register-targets'],
  ['wait-healthy', 'wait target-in-service'],
  ['deregister', 'deregister-targets'],
  ['wait-drained', 'wait target-deregistered'],
] as const)('prints %s as aws elbv2 %s', (kind, verb) => {
  expect(awsCommand({ kind, group, targets })).toBe(
    `aws elbv2 ${verb} --target-group-arn arn:web --targets Id=i-1,Port=80 Id=i-2,Port=81`,
  );
});

it('prints tags, quoted for a shell', () => {
  const tag = { instance: 'i-1', key: 'oneclick:quarantine:web' };
  expect(awsCommand({ kind: 'tag', ...tag, value: 'ada at 9' })).toBe(
    "aws ec2 create-tags --resources i-1 --tags 'Key=oneclick:quarantine:web,Value=ada at 9'",
  );
  expect(awsCommand({ kind: 'untag', ...tag })).toBe(
    'aws ec2 delete-tags --resources i-1 --tags Key=oneclick:quarantine:web',
  );
});

it('prints settings in seconds', () => {
  const tuning = { interval: 5000, timeout: 4000, healthyThreshold: 2, unhealthyThreshold: 3 };
  const checks =
    'aws elbv2 modify-target-group --target-group-arn arn:web --health-check-interval-seconds 5 --health-check-timeout-seconds 4 --healthy-threshold-count 2 --unhealthy-threshold-count 3';
  const delay =
    'aws elbv2 modify-target-group-attributes --target-group-arn arn:web --attributes Key=deregistration_delay.timeout_seconds,Value=30';
  expect(awsCommand({ kind: 'tune', group, tuning })).toBe(checks);
  expect(awsCommand({ kind: 'tune', group, tuning: { deregistrationDelay: 30_000 } })).toBe(delay);
  expect(awsCommand({ kind: 'tune', group, tuning: { ...tuning, deregistrationDelay: 30_000 } })).toBe(
    `${checks} && ${delay}`,
  );
});
