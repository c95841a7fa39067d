import { cleanMessage } from './words.js';

/** The reason of a target that the group does not know: it is no target. */
export const notRegistered = 'Target.NotRegistered';

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html */
export const targetReasons: Readonly<Record<string, string>> = {
  'Elb.RegistrationInProgress': 'it is being registered',
  'Elb.InitialHealthChecking': 'its first health checks are under way',
  'Elb.InternalError': 'the load balancer has a problem of its own',
  'Target.Timeout': 'it does not answer the health check in time',
  'Target.FailedHealthChecks': 'it cannot be connected to, or its answers are broken',
  'Target.ResponseCodeMismatch': 'it answers the health check with another code',
  'Target.NotInUse': 'no listener of a load balancer sends anything to its group, or not from its zone',
  'Target.InvalidState': 'the instance does not run',
  'Target.IpUnusable': 'its address cannot be used',
  'Target.DeregistrationInProgress': 'it finishes the requests that it has, and gets no others',
  'Target.HealthCheckDisabled': 'health checks are off',
};

/** Why a target is in its state, in a person's words, with the HTTP codes that the description names. */
export function targetReason(code: string, description = ''): string {
  const text = targetReasons[code] ?? code;
  const codes = /\[[^\]]*\]/.exec(description)?.[0];
  return cleanMessage(codes === undefined ? text : `${text} ${codes}`);
}
