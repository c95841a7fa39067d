import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as EC2 from '@aws-sdk/client-ec2';
import * as ELB from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterEach } from '@jest/globals';
import { behave, behaviour, type FaultRequest } from '../../../../src/sandbox/aws/faults/behaviour.js';
import { apiOverHttp } from '../../../../src/sandbox/aws/http.js';
import { services } from '../../../../src/sandbox/aws/services.js';
import type { FakeEngine } from './engine.js';
import { setting } from './setting.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

const image = 'resolve:ssm:/aws/service/any';
const actions = Object.values(services).flatMap((service) => Object.keys(service.actions));

/** The endpoint of a sandbox on a port of this machine, what the sandbox asks of it, and the SDK's clients, which try once. */
export async function endpoint(engine?: FakeEngine) {
  const around = await setting(engine);
  const control = {
    ...{ path: '/sandbox', token: 't', about: { pid: 1 }, end: () => {}, behaviour },
    behave: (open: typeof around.region, text: string) => behave(open, text, actions),
  };
  const server = createServer(apiOverHttp(services, Promise.resolve(around.region), control));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = {
    ...{ endpoint: url, region: 'us-east-1', maxAttempts: 1 },
    credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
  };
  const wish = async (text: FaultRequest | string, token = 't') => {
    const reply = await fetch(`${url}/sandbox`, {
      ...{ method: 'PATCH', headers: { authorization: `Bearer ${token}` } },
      body: typeof text === 'string' ? text : JSON.stringify(text),
    });
    const said = await reply.text();
    return { status: reply.status, said: reply.status === 403 ? said : JSON.parse(said) };
  };
  const fault = (name: string, times: number | 'always' = 1, on?: string) =>
    wish({ fault: { name, times, ...(on === undefined ? {} : { on }) } });
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
  const look = () => ec2.send(new EC2.DescribeVpcsCommand());
  return { ...around, ec2, elb, wish, fault, run, instance, group, removeGroup, look };
}

/** Which of some calls found it, as `+` and `-`. */
export async function findings(calls: number, call: () => Promise<unknown>): Promise<string> {
  const found: string[] = [];
  for (let count = 0; count < calls; count++)
    found.push(
      await call().then(
        () => '+',
        () => '-',
      ),
    );
  return found.join('');
}
