import type {
  InstanceStateChange,
  RebootInstancesRequest,
  StartInstancesRequest,
  StartInstancesResult,
  StopInstancesRequest,
  StopInstancesResult,
  TerminateInstancesRequest,
  TerminateInstancesResult,
} from '@aws-sdk/client-ec2';
import { hasStatus, ifExists } from '../../docker.js';
import { removeMachine } from '../../machine.js';
import { type Action, AwsError, type Region } from '../action.js';
import type { Instance } from './documents.js';
import {
  findInstances,
  machineOf,
  type ObservedInstance,
  observeInstances,
  releaseInterface,
  stateCodes,
  updateInstance,
} from './instances.js';
import { launch } from './run.js';

/** Time for the inner engine to stop its containers. */
const stopTimeoutSeconds = 30;

export const startInstances: Action<StartInstancesRequest, StartInstancesResult> = async (input, region) => {
  const wanted = await findInstances(region, input.InstanceIds);
  requireState(wanted, ['running', 'pending', 'stopped'], 'started');
  const stopped = wanted.filter(({ state }) => state === 'stopped');
  await Promise.all(
    stopped.map(async ({ instance }) => {
      await setGoal(region, instance, 'running');
      await start(region, instance);
    }),
  );
  return {
    StartingInstances: wanted.map((one) => stateChange(one, one.state === 'stopped' ? 'pending' : one.state)),
  };
};

/** Responds while the instances are `stopping`. */
export const stopInstances: Action<StopInstancesRequest, StopInstancesResult> = async (input, region) => {
  const wanted = await findInstances(region, input.InstanceIds);
  requireState(wanted, ['running', 'stopping', 'stopped'], 'stopped');
  for (const { instance } of wanted)
    if (instance.protected.stop) throw protectedError(instance, 'stopped', 'disableApiStop');
  const running = wanted.filter(({ state }) => state === 'running');
  await Promise.all(
    running.map(({ instance }) => setGoal(region, instance, 'stopped', 'Client.UserInitiatedShutdown')),
  );
  for (const { instance } of running) inBackground(region, instance, () => stop(region, instance));
  return {
    StoppingInstances: wanted.map((one) =>
      stateChange(one, one.state === 'running' ? 'stopping' : one.state),
    ),
  };
};

export const rebootInstances: Action<RebootInstancesRequest, object> = async (input, region) => {
  const wanted = await findInstances(region, input.InstanceIds);
  requireState(wanted, ['running'], 'rebooted');
  await Promise.all(wanted.map(({ instance }) => updateInstance(region, instance.id, { rebooting: true })));
  for (const { instance } of wanted) inBackground(region, instance, () => reboot(region, instance));
  return {};
};

/**
 * Responds while the instances are `shutting-down`. A protected instance, such as a sandbox machine, fails the whole
 * call (in EC2 only its zone).
 */
export const terminateInstances: Action<TerminateInstancesRequest, TerminateInstancesResult> = async (
  input,
  region,
) => {
  const wanted = await findInstances(region, input.InstanceIds);
  const locked = wanted.find(({ instance }) => instance.protected.termination);
  if (locked !== undefined) throw protectedError(locked.instance, 'terminated', 'disableApiTermination');
  const remaining = wanted.filter(({ instance }) => instance.goal !== 'terminated');
  await Promise.all(
    remaining.map(({ instance }) => setGoal(region, instance, 'terminated', 'Client.UserInitiatedShutdown')),
  );
  for (const { instance } of remaining) inBackground(region, instance, () => terminate(region, instance));
  return {
    TerminatingInstances: wanted.map((one) =>
      stateChange(one, one.state === 'terminated' ? 'terminated' : 'shutting-down'),
    ),
  };
};

/** Resumes the transitions that a killed endpoint left unfinished, in the background. */
export async function resumeTransitions(region: Region): Promise<void> {
  for (const { instance, state } of await observeInstances(region)) {
    if (instance.goal === 'terminated') inBackground(region, instance, () => terminate(region, instance));
    else if (instance.rebooting) inBackground(region, instance, () => reboot(region, instance));
    else if (state === 'pending') void launch(region, instance);
    else if (state === 'stopping') inBackground(region, instance, () => stop(region, instance));
    else if (instance.goal === 'running' && state === 'stopped' && !instance.own)
      inBackground(region, instance, () => start(region, instance));
  }
}

function containerOf(region: Region, instance: Instance) {
  return region.context.docker.getContainer(machineOf(region, instance).container);
}

async function start(region: Region, instance: Instance): Promise<void> {
  await ignoreStatus(304, containerOf(region, instance).start());
}

/** A sandbox machine keeps the goal `running`, because `up` starts it again. */
async function stop(region: Region, instance: Instance): Promise<void> {
  await ignoreStatus(304, containerOf(region, instance).stop({ t: stopTimeoutSeconds }));
  if (instance.own) await updateInstance(region, instance.id, { goal: 'running' });
}

async function reboot(region: Region, instance: Instance): Promise<void> {
  try {
    await ifExists(containerOf(region, instance).restart({ t: stopTimeoutSeconds }));
  } finally {
    await updateInstance(region, instance.id, { rebooting: undefined });
  }
}

async function terminate(region: Region, instance: Instance): Promise<void> {
  await removeMachine(region.context, machineOf(region, instance), { keepKeys: false });
  await releaseInterface(region, instance.id);
}

async function ignoreStatus(status: number, work: Promise<unknown>): Promise<void> {
  try {
    await ifExists(work);
  } catch (error) {
    if (!hasStatus(error, status)) throw error;
  }
}

/** Continues after the response; logs failures. */
function inBackground(region: Region, instance: Instance, work: () => Promise<unknown>): void {
  work().catch((error: unknown) => {
    region.context.progress(`${instance.id}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

function setGoal(region: Region, instance: Instance, goal: Instance['goal'], code?: string): Promise<void> {
  const reason = code === undefined ? undefined : { code, message: `${code}: User initiated` };
  const since = region.context.clock.now().toISOString();
  return updateInstance(region, instance.id, { goal, reason, since });
}

function requireState(
  wanted: readonly ObservedInstance[],
  allowed: readonly ObservedInstance['state'][],
  action: string,
): void {
  const wrong = wanted.find(({ state }) => !allowed.includes(state));
  if (wrong !== undefined)
    throw new AwsError(
      'IncorrectInstanceState',
      `The instance '${wrong.instance.id}' is not in a state from which it can be ${action}.`,
    );
}

function protectedError(instance: Instance, action: string, attribute: string): AwsError {
  const advice = instance.own
    ? 'It belongs to the sandbox. Remove it with oneclick sandbox up --machines N.'
    : `Modify its '${attribute}' instance attribute and try again.`;
  return new AwsError(
    'OperationNotPermitted',
    `The instance '${instance.id}' may not be ${action}. ${advice}`,
  );
}

function stateChange(
  { instance, state }: ObservedInstance,
  current: ObservedInstance['state'],
): InstanceStateChange {
  return {
    InstanceId: instance.id,
    PreviousState: { Name: state, Code: stateCodes[state] },
    CurrentState: { Name: current, Code: stateCodes[current] },
  };
}
