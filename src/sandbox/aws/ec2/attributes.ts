import type {
  DescribeInstanceAttributeRequest,
  GetConsoleOutputRequest,
  GetConsoleOutputResult,
  InstanceAttribute,
  ModifyInstanceAttributeRequest,
} from '@aws-sdk/client-ec2';
import { readConsole } from '../../machine.js';
import { type Action, AwsError, type Region } from '../action.js';
import { typeFor } from './catalog.js';
import { instanceResponse } from './describe.js';
import { type Instance, interfaces } from './documents.js';
import { findGroup, groupsById } from './groups.js';
import { findInstances, machineOf, type ObservedInstance, updateInstance } from './instances.js';
import { interfaceOf } from './interfaces.js';

async function findInstance(region: Region, id: string | undefined): Promise<ObservedInstance> {
  const [observed] = await findInstances(region, id === undefined ? [] : [id]);
  if (observed === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter InstanceId');
  return observed;
}

export const describeInstanceAttribute: Action<DescribeInstanceAttributeRequest, InstanceAttribute> = async (
  input,
  region,
) => {
  const observed = await findInstance(region, input.InstanceId);
  const { instance } = observed;
  const readers: Readonly<Record<string, () => InstanceAttribute>> = {
    disableApiTermination: () => ({ DisableApiTermination: { Value: instance.protected.termination } }),
    disableApiStop: () => ({ DisableApiStop: { Value: instance.protected.stop } }),
    instanceInitiatedShutdownBehavior: () => ({
      InstanceInitiatedShutdownBehavior: { Value: instance.shutdown },
    }),
    instanceType: () => ({ InstanceType: { Value: instance.type } }),
    userData: () => ({ UserData: { Value: instance.userData } }),
    groupSet: () => ({ Groups: groupsById(region, interfaceOf(region, instance.id)?.groups ?? []) }),
    rootDeviceName: () => ({ RootDeviceName: { Value: '/dev/xvda' } }),
    blockDeviceMapping: () => ({
      BlockDeviceMappings: instanceResponse(region, observed).BlockDeviceMappings,
    }),
    sourceDestCheck: () => ({ SourceDestCheck: { Value: true } }),
    ebsOptimized: () => ({ EbsOptimized: { Value: false } }),
    enaSupport: () => ({ EnaSupport: { Value: true } }),
  };
  const name = `${input.Attribute}`;
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (read === undefined)
    throw new AwsError('InvalidParameterValue', `Value (${name}) for parameter attribute is invalid.`);
  return { InstanceId: instance.id, ...read() };
};

/** Modifies one attribute per call, given as a field or as `Attribute` and `Value`. */
export const modifyInstanceAttribute: Action<ModifyInstanceAttributeRequest, object> = async (
  { Attribute, Value, ...fields },
  region,
) => {
  const observed = await findInstance(region, fields.InstanceId);
  const { instance } = observed;
  const input = Attribute === undefined ? fields : { ...fields, ...fieldFor(Attribute, Value) };
  const {
    DisableApiTermination: termination,
    DisableApiStop: stop,
    InstanceInitiatedShutdownBehavior: shutdown,
  } = input;
  if (termination?.Value !== undefined) {
    if (instance.own && !termination.Value)
      throw new AwsError(
        'OperationNotPermitted',
        `The instance '${instance.id}' belongs to the sandbox. Remove it with oneclick sandbox.`,
      );
    await updateInstance(region, instance.id, {
      protected: { ...instance.protected, termination: termination.Value },
    });
  } else if (stop?.Value !== undefined) {
    await updateInstance(region, instance.id, { protected: { ...instance.protected, stop: stop.Value } });
  } else if (shutdown?.Value !== undefined) {
    if (shutdown.Value !== 'stop' && shutdown.Value !== 'terminate')
      throw new AwsError('InvalidParameterValue', `Value (${shutdown.Value}) for the behavior is invalid.`);
    await updateInstance(region, instance.id, { shutdown: shutdown.Value });
  } else if (input.InstanceType?.Value !== undefined) {
    await updateInstance(region, instance.id, {
      type: typeFor(requireStopped(observed, input.InstanceType.Value)),
    });
  } else if (input.Groups !== undefined && input.Groups.length > 0) {
    await setGroups(region, instance, input.Groups);
  } else if (input.SourceDestCheck === undefined) {
    throw new AwsError('InvalidParameterCombination', 'No attributes specified that the sandbox can modify.');
  }
  return {};
};

function fieldFor(attribute: string, value = ''): Partial<ModifyInstanceAttributeRequest> {
  const flag = { Value: value.toLowerCase() === 'true' };
  if (attribute === 'disableApiTermination') return { DisableApiTermination: flag };
  if (attribute === 'disableApiStop') return { DisableApiStop: flag };
  if (attribute === 'instanceInitiatedShutdownBehavior')
    return { InstanceInitiatedShutdownBehavior: { Value: value } };
  if (attribute === 'instanceType') return { InstanceType: { Value: value } };
  throw new AwsError('InvalidParameterValue', `Value (${attribute}) for parameter attribute is invalid.`);
}

function requireStopped({ instance, state }: ObservedInstance, type: string): string {
  if (state === 'stopped') return type;
  throw new AwsError(
    'IncorrectInstanceState',
    `The instance '${instance.id}' is not in the 'stopped' state.`,
  );
}

async function setGroups(region: Region, instance: Instance, ids: readonly string[]): Promise<void> {
  const groups = [...new Set(ids.map((id) => findGroup(region, { id }).id))];
  const nic = interfaceOf(region, instance.id);
  if (nic === undefined)
    throw new AwsError(
      'IncorrectInstanceState',
      `The instance '${instance.id}' has no network interface any more.`,
    );
  await region.store.put(interfaces, nic.id, { ...nic, groups });
}

/** Returns the end of the console with the SSH host keys; 64 KiB at most, as EC2 does. */
export const getConsoleOutput: Action<GetConsoleOutputRequest, GetConsoleOutputResult> = async (
  input,
  region,
) => {
  const { instance } = await findInstance(region, input.InstanceId);
  const text = await readConsole(region.context, machineOf(region, instance), 1_000);
  const Output = Buffer.from(text).subarray(-65_536).toString('base64');
  return { InstanceId: instance.id, Timestamp: region.context.clock.now(), Output };
};
