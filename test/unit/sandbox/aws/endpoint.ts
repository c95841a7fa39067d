import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as EC2 from '@aws-sdk/client-ec2';
import * as ELB from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterEach } from '@jest/globals';
import {
  behaviorOf,
  changeBehavior,
  type FaultRequest,
} from '../../../../src/sandbox/aws/faults/behavior.js';
import { apiListener } from '../../../../src/sandbox/aws/http.js';
import { services } from '../../../../src/sandbox/aws/services.js';
import type { FakeEngine } from './engine.js';
import { setup } from './setup.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

const image = 'resolve:ssm:/aws/service/any';
const actions = Object.values(services).flatMap((service) => Object.keys(service.actions));

/** An endpoint on a local port, helpers for its controlOptions requests, and SDK clients that do not retry. */
export async function endpoint(engine?: FakeEngine) {
  const base = await setup(engine);
  const controlOptions = {
    ...{ path: '/sandbox', token: 't', info: { pid: 1 }, stop: () => {}, behavior: behaviorOf },
    changeBehavior: (region: typeof base.region, text: string) => changeBehavior(region, text, actions),
  };
  const server = createServer(apiListener(services, Promise.resolve(base.region), controlOptions));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = {
    ...{ endpoint: url, region: 'us-east-1', maxAttempts: 1 },
    credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
  };
  const control = async (request: FaultRequest | string, token = 't') => {
    const reply = await fetch(`${url}/sandbox`, {
      ...{ method: 'PATCH', headers: { authorization: `Bearer ${token}` } },
      body: typeof request === 'string' ? request : JSON.stringify(request),
    });
    const text = await reply.text();
    return { status: reply.status, body: reply.status === 403 ? text : JSON.parse(text) };
  };
  const fault = (name: string, times: number | 'always' = 1, on?: string) =>
    control({ fault: { name, times, ...(on === undefined ? {} : { on }) } });
  const [ec2, elb] = [new EC2.EC2Client(settings), new ELB.ElasticLoadBalancingV2Client(settings)];
  const run = async (more: Partial<EC2.RunInstancesCommandInput> = {}) => {
    const input = { MinCount: 1, MaxCount: 1, ImageId: image, ...more };
    const { Instances = [] } = await ec2.send(new EC2.RunInstancesCommand(input));
    return Instances[0]?.InstanceId ?? '';
  };
  const instance = async (id: string) => {
    const { Reservations } = await ec2.send(new EC2.DescribeInstancesCommand({ InstanceIds: [id] }));
    return Reservations?.[0]?.Instances?.[0];
  };
  const group = async (GroupName: string) => {
    const made = await ec2.send(new EC2.CreateSecurityGroupCommand({ GroupName, Description: 'A group' }));
    return made.GroupId ?? '';
  };
  const removeGroup = (GroupId: string) => ec2.send(new EC2.DeleteSecurityGroupCommand({ GroupId }));
  const describeVpcs = () => ec2.send(new EC2.DescribeVpcsCommand());
  return { ...base, ec2, elb, control, fault, run, instance, group, removeGroup, describeVpcs };
}

/** The results of repeated lookups: `+` found, `-` not found. */
export async function lookupMarks(calls: number, lookup: () => Promise<unknown>): Promise<string> {
  const marks: string[] = [];
  for (let count = 0; count < calls; count++)
    marks.push(
      await lookup().then(
        () => '+',
        () => '-',
      ),
    );
  return marks.join('');
}
