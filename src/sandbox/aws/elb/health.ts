import type { TargetHealth } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { HealthCheck, Target } from './documents.js';
import type { Check } from './runtime.js';

/** What is known of a target at one moment. */
export interface Circumstances {
  readonly now: Date;
  readonly target: Target;
  readonly check: HealthCheck;
  /** What the proxy has found; `undefined` when it does not know the target yet. */
  readonly found: Check | undefined;
  /** Whether a listener or a rule forwards to the group. */
  readonly used: boolean;
  /** Whether its instance runs. */
  readonly running: boolean;
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html */
export function healthOf(it: Circumstances): TargetHealth {
  if (it.target.goneAt !== undefined) {
    return {
      State: 'draining',
      Reason: 'Target.DeregistrationInProgress',
      Description: 'Target deregistration is in progress',
    };
  }
  if (!it.used) {
    return {
      State: 'unused',
      Reason: 'Target.NotInUse',
      Description: 'Target group is not configured to receive traffic from the load balancer',
    };
  }
  if (it.found?.up) return { State: 'healthy' };
  if (!it.running) {
    return { State: 'unused', Reason: 'Target.InvalidState', Description: 'Target is in the stopped state' };
  }
  if (isInitial(it)) return initial(it.found);
  return unhealthy(it.found);
}

/** Of a target that is not registered, or no longer. */
export const notRegistered: TargetHealth = {
  State: 'unused',
  Reason: 'Target.NotRegistered',
  Description: 'Target is not registered to the target group',
};

/**
 * Whether the target could not have been healthy yet. Told from the time that passed, so that neither a reload of the proxy
 * nor a restart of the endpoint changes it: no check has ended, or fewer than decide.
 */
function isInitial({ now, target, check, found }: Circumstances): boolean {
  if (found === undefined || found.last === 'none') return true;
  const checks = (now.getTime() - target.registeredAt) / 1000 / check.interval;
  return checks < (found.last === 'passed' ? check.healthy + 1 : check.unhealthy);
}

function initial(found: Check | undefined): TargetHealth {
  return found === undefined || found.last === 'none'
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

function unhealthy(found: Check | undefined): TargetHealth {
  if (found?.last === 'timeout')
    return { State: 'unhealthy', Reason: 'Target.Timeout', Description: 'Request timed out' };
  if (found?.last === 'code') {
    return {
      State: 'unhealthy',
      Reason: 'Target.ResponseCodeMismatch',
      Description: `Health checks failed with these codes: [${found.status}]`,
    };
  }
  return { State: 'unhealthy', Reason: 'Target.FailedHealthChecks', Description: 'Health checks failed' };
}
