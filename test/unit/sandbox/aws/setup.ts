import * as EC2 from '@aws-sdk/client-ec2';
import { expect } from '@jest/globals';
import { openRegion } from '../../../../src/sandbox/aws/region.js';
import { services } from '../../../../src/sandbox/aws/services.js';
import { keyPair } from '../../../fakes/ssh-server.js';
import { FakeEngine } from './engine.js';
import { clients, fakeContext } from './region.js';

/** The sandbox's public key. */
export const { public: sandboxKey } = keyPair();

/** The region of a sandbox with one machine, and helpers that use the SDK. */
export async function setup(engine = new FakeEngine()) {
  const base = fakeContext(engine);
  const { context, network, logged } = base;
  const own = {
    'oneclick.sandbox': 'test',
    'oneclick.sandbox.machine': 'sandbox-1',
    'oneclick.sandbox.role': 'machine',
  };
  engine.containers.set('oneclick-test-sandbox-1', { Id: '1', Labels: own, Env: [], State: 'running' });
  const region = await openRegion(context, 'test', network, 'machine', sandboxKey);
  const { ec2 } = clients(services, region);
  const run = async (input: Partial<EC2.RunInstancesCommandInput> = {}) => {
    const ImageId = 'resolve:ssm:/aws/service/any';
    const { Instances = [] } = await ec2.send(
      new EC2.RunInstancesCommand({ MinCount: 1, MaxCount: 1, ImageId, ...input }),
    );
    return Instances;
  };
  const described = async (input: EC2.DescribeInstancesCommandInput = {}) => {
    const { Reservations = [], NextToken } = await ec2.send(new EC2.DescribeInstancesCommand(input));
    return { instances: Reservations.flatMap(({ Instances = [] }) => Instances), NextToken };
  };
  const states = async () => (await described()).instances.map(({ State }) => State?.Name);
  return { ...base, logged, engine, region, ec2, run, described, states };
}

/** Delays matching changes of the engine until the returned function is called. */
export function holdChanges(engine: FakeEngine, pattern: RegExp): () => void {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  engine.before = (change) => (pattern.test(change) ? released : undefined);
  return () => {
    engine.before = () => {};
    release();
  };
}

/** Lets pending changes of the engine happen. */
export const flush = () => new Promise((resolve) => setImmediate(resolve));
/** An error of AWS with this code. */
export const errorWithCode = (name: string) => expect.objectContaining({ name });
