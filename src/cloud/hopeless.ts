import { Failure } from '../domain/failure.js';
import type { CloudInstance, LoadBalancer, TargetHealth } from './cloud.js';

/** What AWS has to say about a state, as it is appended to a message. */
const because = (...words: readonly (string | undefined)[]): string => {
  const said = words.filter((one) => one !== undefined && one !== '');
  return said.length === 0 ? '' : `: ${said.join(', ')}`;
};

/** Why an instance will never run (again): nothing that waits for it needs to wait on. */
export function hopelessInstance({ id, state, reason }: CloudInstance): Failure | undefined {
  if (state !== 'shutting-down' && state !== 'terminated') return undefined;
  const message = `the instance ${id} ${state === 'terminated' ? 'has ended' : 'is ending'}${because(reason)}`;
  return new Failure('failed', 'cloud.instance-ended', message, {
    hint: 'Take it out of the configuration.',
  });
}

/** Why a load balancer will never be active. */
export function hopelessBalancer({ name, state, reason }: LoadBalancer): Failure | undefined {
  if (state !== 'failed') return undefined;
  return new Failure(
    'failed',
    'cloud.balancer-failed',
    `the load balancer ${name} has failed${because(reason)}`,
    {
      hint: 'Look at it in the console of AWS, and make it again.',
    },
  );
}

/** What makes a target that is not used stay so, by AWS's reason, with what helps ("TargetHealth", API reference). */
const unused: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  'Target.NotInUse': [
    'gets no traffic: no load balancer feeds its target group, or none in its availability zone',
    'Add a listener that forwards to the group, or enable the zone on the load balancer.',
  ],
  'Target.InvalidState': ['is on an instance that does not run', 'Start the instance, or deactivate it.'],
  'Target.IpUnusable': ['has an address that a load balancer uses', 'Register the instance, not an address.'],
};

/** Why a target will never be healthy as it is. */
export function hopelessTarget({
  id,
  port,
  state,
  reason = '',
  description,
}: TargetHealth): Failure | undefined {
  const known = state === 'unused' ? unused[reason] : undefined;
  if (known === undefined) return undefined;
  const [message, hint] = known;
  return new Failure('failed', 'cloud.target-unused', `${id}:${port} ${message}${because(description)}`, {
    hint,
  });
}
