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
import { ifExists, isStatus } from '../../docker.js';
import { removeMachine } from '../../machine.js';
import { type Action, AwsError, type Region } from '../action.js';
import type { Instance } from './documents.js';
import {
  change,
  instancesWith,
  machineOf,
  releaseInterface,
  type Seen,
  seeInstances,
  stateCodes,
} from './instances.js';
import { launch } from './run.js';

/** How long the engine in a machine may take to stop what it runs, s. */
const stopTimeout = 30;

export const startInstances: Action<StartInstancesRequest, StartInstancesResult> = async (input, region) => {
  const wanted = await instancesWith(region, input.InstanceIds);
  refuse(wanted, ['running', 'pending', 'stopped'], 'started');
  const stopped = wanted.filter(({ state }) => state === 'stopped');
  await Promise.all(
    stopped.map(async ({ it }) => {
      await aim(region, it, 'running');
      await start(region, it);
    }),
  );
  return {
    StartingInstances: wanted.map((seen) => changed(seen, seen.state === 'stopped' ? 'pending' : seen.state)),
  };
};

/** Answers while they are `stopping`. */
export const stopInstances: Action<StopInstancesRequest, StopInstancesResult> = async (input, region) => {
  const wanted = await instancesWith(region, input.InstanceIds);
  refuse(wanted, ['running', 'stopping', 'stopped'], 'stopped');
  for (const { it } of wanted) if (it.protected.stop) throw protectedFrom(it, 'stopped', 'disableApiStop');
  const running = wanted.filter(({ state }) => state === 'running');
  await Promise.all(running.map(({ it }) => aim(region, it, 'stopped', 'Client.UserInitiatedShutdown')));
  for (const { it } of running) later(region, it, () => stop(region, it));
  return {
    StoppingInstances: wanted.map((seen) =>
      changed(seen, seen.state === 'running' ? 'stopping' : seen.state),
    ),
  };
};

export const rebootInstances: Action<RebootInstancesRequest, object> = async (input, region) => {
  const wanted = await instancesWith(region, input.InstanceIds);
  refuse(wanted, ['running'], 'rebooted');
  await Promise.all(wanted.map(({ it }) => change(region, it.id, { rebooting: true })));
  for (const { it } of wanted) later(region, it, () => reboot(region, it));
  return {};
};

/**
 * Answers while they are `shutting-down`. One that is protected, as the sandbox's own machines are, fails the whole call
 * (with EC2 only those of its zone).
 */
export const terminateInstances: Action<TerminateInstancesRequest, TerminateInstancesResult> = async (
  input,
  region,
) => {
  const wanted = await instancesWith(region, input.InstanceIds);
  const shielded = wanted.find(({ it }) => it.protected.termination);
  if (shielded !== undefined) throw protectedFrom(shielded.it, 'terminated', 'disableApiTermination');
  const alive = wanted.filter(({ it }) => it.goal !== 'terminated');
  await Promise.all(alive.map(({ it }) => aim(region, it, 'terminated', 'Client.UserInitiatedShutdown')));
  for (const { it } of alive) later(region, it, () => terminate(region, it));
  return {
    TerminatingInstances: wanted.map((seen) =>
      changed(seen, seen.state === 'terminated' ? 'terminated' : 'shutting-down'),
    ),
  };
};

/** Brings every instance to where an endpoint that was killed was bringing it. Resolves before they are there. */
export async function resume(region: Region): Promise<void> {
  for (const { it, state } of await seeInstances(region)) {
    if (it.goal === 'terminated') later(region, it, () => terminate(region, it));
    else if (it.rebooting) later(region, it, () => reboot(region, it));
    else if (state === 'pending') void launch(region, it);
    else if (state === 'stopping') later(region, it, () => stop(region, it));
    else if (it.goal === 'running' && state === 'stopped' && !it.own)
      later(region, it, () => start(region, it));
  }
}

function containerOf(region: Region, it: Instance) {
  return region.context.docker.getContainer(machineOf(region, it).container);
}

async function start(region: Region, it: Instance): Promise<void> {
  await ignoring(304, containerOf(region, it).start());
}

/** One of the sandbox's own machines is stopped, but `up` may start it again: its goal remains to run. */
async function stop(region: Region, it: Instance): Promise<void> {
  await ignoring(304, containerOf(region, it).stop({ t: stopTimeout }));
  if (it.own) await change(region, it.id, { goal: 'running' });
}

async function reboot(region: Region, it: Instance): Promise<void> {
  try {
    await ifExists(containerOf(region, it).restart({ t: stopTimeout }));
  } finally {
    await change(region, it.id, { rebooting: undefined });
  }
}

async function terminate(region: Region, it: Instance): Promise<void> {
  await removeMachine(region.context, machineOf(region, it), { keepKeys: false });
  await releaseInterface(region, it.id);
}

/** With 304 the engine says that it is so already. */
async function ignoring(status: number, work: Promise<unknown>): Promise<void> {
  try {
    await ifExists(work);
  } catch (error) {
    if (!isStatus(error, status)) throw error;
  }
}

/** Goes on after the answer; what fails is told to the log. */
function later(region: Region, it: Instance, work: () => Promise<unknown>): void {
  work().catch((error: unknown) => {
    region.context.progress(`${it.id}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

function aim(region: Region, it: Instance, goal: Instance['goal'], code?: string): Promise<void> {
  const reason = code === undefined ? undefined : { code, message: `${code}: User initiated` };
  return change(region, it.id, { goal, reason, since: region.context.clock.now().toISOString() });
}

function refuse(wanted: readonly Seen[], from: readonly Seen['state'][], what: string): void {
  const wrong = wanted.find(({ state }) => !from.includes(state));
  if (wrong !== undefined)
    throw new AwsError(
      'IncorrectInstanceState',
      `The instance '${wrong.it.id}' is not in a state from which it can be ${what}.`,
    );
}

function protectedFrom(it: Instance, what: string, attribute: string): AwsError {
  const how = it.own
    ? 'It belongs to the sandbox: oneclick sandbox up --machines N removes it.'
    : `Modify its '${attribute}' instance attribute and try again.`;
  return new AwsError('OperationNotPermitted', `The instance '${it.id}' may not be ${what}. ${how}`);
}

function changed({ it, state }: Seen, current: Seen['state']): InstanceStateChange {
  return {
    InstanceId: it.id,
    PreviousState: { Name: state, Code: stateCodes[state] },
    CurrentState: { Name: current, Code: stateCodes[current] },
  };
}
