import { cleanMessage } from './clean-message.js';

/** Reason code of a target that is not registered. */
export const notRegistered = 'Target.NotRegistered';

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html */
export const targetReasons: Readonly<Record<string, string>> = {
  'Elb.RegistrationInProgress': 'registering',
  'Elb.InitialHealthChecking': 'first health checks in progress',
  'Elb.InternalError': 'internal error of the load balancer',
  'Target.Timeout': 'health checks time out',
  'Target.FailedHealthChecks': 'health checks fail: connection refused or invalid response',
  'Target.ResponseCodeMismatch': 'health checks return an unexpected status',
  'Target.NotInUse': 'no load balancer listener forwards to its group or zone',
  'Target.InvalidState': 'the instance is not running',
  'Target.IpUnusable': 'its IP address is not usable',
  'Target.DeregistrationInProgress': 'draining',
  'Target.HealthCheckDisabled': 'health checks are off',
};

/** Returns the reason for a target's state, with the HTTP codes of the description. */
export function targetReason(code: string, description = ''): string {
  const text = targetReasons[code] ?? code;
  const codes = /\[[^\]]*\]/.exec(description)?.[0];
  return cleanMessage(codes === undefined ? text : `${text} ${codes}`);
}
