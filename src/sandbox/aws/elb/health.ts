import type { TargetHealth } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { HealthCheck, Target } from './documents.js';
import type { Check } from './runtime.js';

/** The facts that determine a target's health. */
export interface HealthInput {
  readonly now: Date;
  readonly target: Target;
  readonly check: HealthCheck;
  /** The proxy's result; `undefined` if it does not have the target yet. */
  readonly result: Check | undefined;
  /** Whether a listener or a rule forwards to the group. */
  readonly used: boolean;
  /** Whether the instance runs. */
  readonly running: boolean;
}

/** Returns a target's health: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html */
export function healthOf(input: HealthInput): TargetHealth {
  if (input.target.goneAt !== undefined) {
    return {
      State: 'draining',
      Reason: 'Target.DeregistrationInProgress',
      Description: 'Target deregistration is in progress',
    };
  }
  if (!input.used) {
    return {
      State: 'unused',
      Reason: 'Target.NotInUse',
      Description: 'Target group is not configured to receive traffic from the load balancer',
    };
  }
  if (input.result?.up) return { State: 'healthy' };
  if (!input.running) {
    return { State: 'unused', Reason: 'Target.InvalidState', Description: 'Target is in the stopped state' };
  }
  if (isInitial(input)) return initial(input.result);
  return unhealthy(input.result);
}

/** The health of a target that is not registered. */
export const notRegistered: TargetHealth = {
  State: 'unused',
  Reason: 'Target.NotRegistered',
  Description: 'Target is not registered to the target group',
};

/** Whether too few checks have ended. Derived from time, so that reloads and restarts do not change it. */
function isInitial({ now, target, check, result }: HealthInput): boolean {
  if (result === undefined || result.last === 'none') return true;
  const checks = (now.getTime() - target.registeredAt) / 1000 / check.interval;
  return checks < (result.last === 'passed' ? check.healthy + 1 : check.unhealthy);
}

function initial(result: Check | undefined): TargetHealth {
  return result === undefined || result.last === 'none'
    ? {
        State: 'initial',
        Reason: 'Elb.RegistrationInProgress',
        Description: 'Target registration is in progress',
      }
    : {
        State: 'initial',
        Reason: 'Elb.InitialHealthChecking',
        Description: 'Initial health checks in progress',
      };
}

function unhealthy(result: Check | undefined): TargetHealth {
  if (result?.last === 'timeout')
    return { State: 'unhealthy', Reason: 'Target.Timeout', Description: 'Request timed out' };
  if (result?.last === 'code') {
    return {
      State: 'unhealthy',
      Reason: 'Target.ResponseCodeMismatch',
      Description: `Health checks failed with these codes: [${result.status}]`,
    };
  }
  return { State: 'unhealthy', Reason: 'Target.FailedHealthChecks', Description: 'Health checks failed' };
}
