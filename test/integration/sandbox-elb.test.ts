import { Agent } from 'node:http';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { sandboxFilter } from '../../src/sandbox/docker.js';
import { endpointUrl } from '../../src/sandbox/endpoint-process.js';
import { type Balanced, balanced, type Endpoint, openEndpoint, type Port, removeAll } from './elb.js';
import { machines, type Sandbox, waitFor } from './harness.js';
import { request, traffic } from './traffic.js';

jest.setTimeout(400_000);

let m: Sandbox;
let endpoint: Endpoint;

beforeAll(async () => {
  m = await machines('sandbox-elb');
  endpoint = await openEndpoint(m);
});

afterEach(async () => {
  await removeAll(endpoint);
  await m.wipe();
});

afterAll(async () => {
  await endpoint.close();
  await m.down();
});

/** Runs the sample application on a port of a machine; returns it as a target. */
async function serve(machine: number, port: number, tag: string): Promise<Port> {
  await m.inside(machine, 'docker', 'run', '-d', '-p', `${port}:8080`, m.image(tag));
  const { id = '' } = Object.values(m.environment.hosts)[machine - 1] ?? {};
  return [id, port];
}

/** The container of the only load balancer. */
async function balancerContainer() {
  const { docker } = endpoint.region.context;
  const filters = sandboxFilter(m.name, 'load-balancer');
  const [found] = await docker.listContainers({ all: true, filters });
  return docker.getContainer(found?.Id ?? '');
}

/** Adds a listener that forwards to the same group. */
async function listen({ loadBalancer, group }: Balanced, Port: number) {
  const DefaultActions: elb.Action[] = [{ Type: 'forward', TargetGroupArn: group }];
  const input = { LoadBalancerArn: loadBalancer, Protocol: 'HTTP', Port, DefaultActions } as const;
  await endpoint.api.send(new elb.CreateListenerCommand(input));
}

describe('a load balancer of instances', () => {
  test('serves from two instances and two ports of one, but not from an unhealthy target', async () => {
    const lb = await balanced(endpoint, 'web');
    const [one, second, other] = [
      await serve(1, 20001, 'v1'),
      await serve(1, 20002, 'v2'),
      await serve(2, 20001, 'v3'),
    ];
    const unhealthy = await serve(2, 20002, 'broken');
    await lb.register(one, second, other, unhealthy);
    for (const target of [one, second, other]) await lb.until(target, /^healthy$/);
    await lb.until(unhealthy, /^unhealthy Target.ResponseCodeMismatch$/);
    const answers = await Promise.all(Array.from({ length: 9 }, () => request(lb.url)));
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['v1\n', 'v2\n', 'v3\n']));
    const Targets = [{ Id: 'i-11111111111111111', Port: 80 }];
    const wrong = new elb.RegisterTargetsCommand({ TargetGroupArn: lb.group, Targets });
    await expect(endpoint.api.send(wrong)).rejects.toThrow(elb.InvalidTargetException);
  });

  test('finishes requests in flight while a target drains, sends it no new ones, and removes it after the delay', async () => {
    const lb = await balanced(endpoint, 'drain', 8);
    const [old, replacement] = [await serve(1, 20001, 'v1'), await serve(2, 20001, 'v2')];
    await lb.register(old);
    await lb.until(old, /^healthy$/);
    const slow = request(`${lb.url}/cgi-bin/slow?5`);
    await lb.register(replacement);
    await lb.until(replacement, /^healthy$/);
    const inFlight = [slow, request(`${lb.url}/cgi-bin/slow?5`), request(`${lb.url}/cgi-bin/slow?5`)];
    const started = performance.now();
    await lb.deregister(old);
    expect(await lb.health(old)).toBe('draining Target.DeregistrationInProgress');
    const answers = await Promise.all(Array.from({ length: 8 }, () => request(lb.url)));
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['v2\n']));
    expect((await Promise.all(inFlight)).map(({ text }) => text).sort()).toEqual(['v1\n', 'v1\n', 'v2\n']);
    await lb.until(old, /^unused Target.NotRegistered$/);
    expect(performance.now() - started).toBeGreaterThan(7_500);
  });

  test('drops no request while targets come and go ten times, and listeners with them', async () => {
    const lb = await balanced(endpoint, 'zero', 3);
    const ports = [await serve(1, 20001, 'v1'), await serve(1, 20002, 'v2')] as const;
    await lb.register(ports[0]);
    await lb.until(ports[0], /^healthy$/);
    const clients = [traffic(lb.url, 25, 'kept'), traffic(lb.url, 25, 'new')];
    for (let round = 0; round < 10; round++) {
      const [from, to] = round % 2 === 0 ? ports : [ports[1], ports[0]];
      await lb.register(to);
      await lb.until(to, /^healthy$/);
      await lb.deregister(from);
      if (round === 3) {
        await endpoint.close();
        await endpoint.reopen();
      }
      if (round % 4 === 1) await listen(lb, 8000 + round);
      await lb.until(from, /^unused/);
    }
    const { Listeners } = await endpoint.api.send(
      new elb.DescribeListenersCommand({ LoadBalancerArn: lb.loadBalancer }),
    );
    for (const { ListenerArn, Port } of Listeners ?? [])
      if (Port !== 80) await endpoint.api.send(new elb.DeleteListenerCommand({ ListenerArn }));
    const tallies = await Promise.all(clients.map((client) => client.stop()));
    expect(tallies.map(({ failures }) => failures)).toEqual([[], []]);
    for (const { answered } of tallies) expect(answered).toBeGreaterThan(1_000);
  });

  test('sends requests on a kept-alive connection to the new process after a reload', async () => {
    const lb = await balanced(endpoint, 'reload', 3);
    const [old, replacement] = [await serve(1, 20001, 'v1'), await serve(2, 20001, 'v2')];
    await lb.register(old);
    await lb.until(old, /^healthy$/);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await request(lb.url, { agent })).text).toBe('v1\n');
    await listen(lb, 81);
    await lb.register(replacement);
    await lb.until(replacement, /^healthy$/);
    await lb.deregister(old);
    expect(await request(lb.url, { agent })).toEqual({ status: 200, text: 'v2\n' });
    agent.destroy();
  });

  test('keeps its targets when its container restarts', async () => {
    const lb = await balanced(endpoint, 'restart');
    const [one, other] = [await serve(1, 20001, 'v1'), await serve(2, 20001, 'v2')];
    await lb.register(one, other);
    await lb.until(one, /^healthy$/);
    await lb.until(other, /^healthy$/);
    await (await balancerContainer()).restart({ t: 1 });
    const served = async () =>
      new Set(await Promise.all([1, 2, 3, 4].map(async () => (await request(lb.url)).text)));
    await waitFor(async () => (await served().catch(() => new Set())).size === 2);
    await lb.until(one, /^healthy$/);
  });

  test('survives a restart of the endpoint, which ends drains and recreates a lost container', async () => {
    const lb = await balanced(endpoint, 'reopen', 3);
    const [one, other] = [await serve(1, 20001, 'v1'), await serve(2, 20001, 'v2')];
    await lb.register(one, other);
    await lb.until(one, /^healthy$/);
    await lb.deregister(other);
    await endpoint.close();
    await (await balancerContainer()).remove({ force: true });
    await endpoint.reopen();
    await lb.until(other, /^unused Target.NotRegistered$/);
    await waitFor(async () => (await request(lb.url).catch(() => ({ text: '' }))).text === 'v1\n');
    const all = await endpoint.api.send(new elb.DescribeTargetHealthCommand({ TargetGroupArn: lb.group }));
    expect(all.TargetHealthDescriptions?.map(({ Target }) => Target?.Id)).toEqual([one[0]]);
  });
});

test('the endpoint of the sandbox creates, configures and removes load balancers', async () => {
  const credentials = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };
  const settings = { region: 'us-east-1', endpoint: endpointUrl(endpoint.region.network), credentials };
  const real = { region: endpoint.region, api: new elb.ElasticLoadBalancingV2Client(settings) };
  const lb = await balanced(real, 'http', 1);
  const one = await serve(1, 20001, 'v1');
  await lb.register(one);
  await lb.until(one, /^healthy$/);
  expect(await request(lb.url)).toEqual({ status: 200, text: 'v1\n' });
  await lb.deregister(one);
  await lb.until(one, /^unused Target.NotRegistered$/);
  await waitFor(async () => (await request(lb.url)).status === 503);
  await removeAll(real);
  await expect(request(lb.url)).rejects.toThrow();
});
