import type {
  DescribeInstanceAttributeRequest,
  GetConsoleOutputRequest,
  GetConsoleOutputResult,
  InstanceAttribute,
  ModifyInstanceAttributeRequest,
} from '@aws-sdk/client-ec2';
import { consoleOf } from '../../machine.js';
import { type Action, AwsError, type Region } from '../action.js';
import { typeFor } from './catalog.js';
import { shownInstance } from './describe.js';
import { type Instance, interfaces } from './documents.js';
import { groupsById, groupWith } from './groups.js';
import { change, instancesWith, machineOf, type Seen } from './instances.js';
import { interfaceOf } from './interfaces.js';

async function instanceWith(region: Region, id: string | undefined): Promise<Seen> {
  const [seen] = await instancesWith(region, id === undefined ? [] : [id]);
  if (seen === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter InstanceId');
  return seen;
}

export const describeInstanceAttribute: Action<DescribeInstanceAttributeRequest, InstanceAttribute> = async (
  input,
  region,
) => {
  const seen = await instanceWith(region, input.InstanceId);
  const { it } = seen;
  const all: Readonly<Record<string, () => InstanceAttribute>> = {
    disableApiTermination: () => ({ DisableApiTermination: { Value: it.protected.termination } }),
    disableApiStop: () => ({ DisableApiStop: { Value: it.protected.stop } }),
    instanceInitiatedShutdownBehavior: () => ({ InstanceInitiatedShutdownBehavior: { Value: it.shutdown } }),
    instanceType: () => ({ InstanceType: { Value: it.type } }),
    userData: () => ({ UserData: { Value: it.userData } }),
    groupSet: () => ({ Groups: groupsById(region, interfaceOf(region, it.id)?.groups ?? []) }),
    rootDeviceName: () => ({ RootDeviceName: { Value: '/dev/xvda' } }),
    blockDeviceMapping: () => ({ BlockDeviceMappings: shownInstance(region, seen).BlockDeviceMappings }),
    sourceDestCheck: () => ({ SourceDestCheck: { Value: true } }),
    ebsOptimized: () => ({ EbsOptimized: { Value: false } }),
    enaSupport: () => ({ EnaSupport: { Value: true } }),
  };
  const name = `${input.Attribute}`;
  const look = Object.hasOwn(all, name) ? all[name] : undefined;
  if (look === undefined)
    throw new AwsError('InvalidParameterValue', `Value (${name}) for parameter attribute is invalid.`);
  return { InstanceId: it.id, ...look() };
};

/** One attribute a call, as a field of its own or by `Attribute` and `Value`. */
export const modifyInstanceAttribute: Action<ModifyInstanceAttributeRequest, object> = async (
  { Attribute, Value, ...fields },
  region,
) => {
  const seen = await instanceWith(region, fields.InstanceId);
  const { it } = seen;
  const input = Attribute === undefined ? fields : { ...fields, ...byName(Attribute, Value) };
  const {
    DisableApiTermination: termination,
    DisableApiStop: stop,
    InstanceInitiatedShutdownBehavior: shutdown,
  } = input;
  if (termination?.Value !== undefined) {
    if (it.own && !termination.Value)
      throw new AwsError(
        'OperationNotPermitted',
        `The instance '${it.id}' belongs to the sandbox: only oneclick sandbox removes it.`,
      );
    await change(region, it.id, { protected: { ...it.protected, termination: termination.Value } });
  } else if (stop?.Value !== undefined) {
    await change(region, it.id, { protected: { ...it.protected, stop: stop.Value } });
  } else if (shutdown?.Value !== undefined) {
    if (shutdown.Value !== 'stop' && shutdown.Value !== 'terminate')
      throw new AwsError('InvalidParameterValue', `Value (${shutdown.Value}) for the behavior is invalid.`);
    await change(region, it.id, { shutdown: shutdown.Value });
  } else if (input.InstanceType?.Value !== undefined) {
    await change(region, it.id, { type: typeFor(stopped(seen, input.InstanceType.Value)) });
  } else if (input.Groups !== undefined && input.Groups.length > 0) {
    await setGroups(region, it, input.Groups);
  } else if (input.SourceDestCheck === undefined) {
    throw new AwsError('InvalidParameterCombination', 'No attributes specified that the sandbox can modify.');
  }
  return {};
};

function byName(attribute: string, value = ''): Partial<ModifyInstanceAttributeRequest> {
  const on = { Value: value.toLowerCase() === 'true' };
  if (attribute === 'disableApiTermination') return { DisableApiTermination: on };
  if (attribute === 'disableApiStop') return { DisableApiStop: on };
  if (attribute === 'instanceInitiatedShutdownBehavior')
    return { InstanceInitiatedShutdownBehavior: { Value: value } };
  if (attribute === 'instanceType') return { InstanceType: { Value: value } };
  throw new AwsError('InvalidParameterValue', `Value (${attribute}) for parameter attribute is invalid.`);
}

function stopped({ it, state }: Seen, type: string): string {
  if (state === 'stopped') return type;
  throw new AwsError('IncorrectInstanceState', `The instance '${it.id}' is not in the 'stopped' state.`);
}

async function setGroups(region: Region, it: Instance, ids: readonly string[]): Promise<void> {
  const groups = [...new Set(ids.map((id) => groupWith(region, { id }).id))];
  const own = interfaceOf(region, it.id);
  if (own === undefined)
    throw new AwsError(
      'IncorrectInstanceState',
      `The instance '${it.id}' has no network interface any more.`,
    );
  await region.store.put(interfaces, own.id, { ...own, groups });
}

/** The last lines of the console, the host's public keys among them; EC2 keeps 64 KiB. */
export const getConsoleOutput: Action<GetConsoleOutputRequest, GetConsoleOutputResult> = async (
  input,
  region,
) => {
  const { it } = await instanceWith(region, input.InstanceId);
  const text = await consoleOf(region.context, machineOf(region, it), 1_000);
  const Output = Buffer.from(text).subarray(-65_536).toString('base64');
  return { InstanceId: it.id, Timestamp: region.context.clock.now(), Output };
};
