import { Agent, createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  balanced,
  type Endpoint,
  openEndpoint,
  type Port,
  removeAll,
  targetGroup,
  thisMachine,
} from './elb.js';
import { machines, type Sandbox } from './harness.js';
import { request } from './traffic.js';

jest.setTimeout(180_000);

let m: Sandbox;
let endpoint: Endpoint;
const servers: Server[] = [];

beforeAll(async () => {
  m = await machines('sandbox-elb-behavior');
  endpoint = await openEndpoint(m);
});

afterEach(async () => {
  await removeAll(endpoint);
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

afterAll(async () => {
  await endpoint.close();
  await m.down();
});

/** A target whose server runs in this process: health checks get `up`, other requests `answer`. */
async function target(answer: (request: IncomingMessage) => { status?: number; text?: string } | 'hang up') {
  const up: { status: number; text?: string } = { status: 200 };
  const seen: IncomingMessage[] = [];
  const connections = new Set<Socket>();
  const server = createServer((request, reply) => {
    const isCheck = request.url === '/up';
    if (!isCheck) seen.push(request);
    const response = isCheck ? up : answer(request);
    if (response === 'hang up') request.socket.destroy();
    else reply.writeHead(response.status ?? 200).end(response.text ?? 'healthy');
    if (!isCheck) connections.add(request.socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const at: Port = [thisMachine, (server.address() as AddressInfo).port];
  return { at, up, seen, connections, close: () => server.close().closeAllConnections() };
}

describe('a load balancer', () => {
  test('responds 503 without targets, and forwards with ALB headers once a target is healthy', async () => {
    const lb = await balanced(endpoint, 'headers');
    const one = await target((received) => ({ text: JSON.stringify(received.headers) }));
    expect((await request(lb.url)).status).toBe(503);
    await lb.register(one.at);
    expect(await lb.health(one.at)).toBe('initial Elb.RegistrationInProgress');
    await lb.until(one.at, /^initial Elb.InitialHealthChecking$/);
    await lb.until(one.at, /^healthy$/);
    const { status, text } = await request(lb.url, { headers: { 'x-forwarded-for': '1.2.3.4' } });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      'x-forwarded-for': `1.2.3.4, ${endpoint.region.network.prefix}1`,
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '80',
      host: new URL(lb.url).host,
    });
  });

  test('keeps connections alive on both sides', async () => {
    const lb = await balanced(endpoint, 'alive');
    const one = await target(() => ({}));
    await lb.register(one.at);
    await lb.until(one.at, /^healthy$/);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < 10; count++) await request(lb.url, { agent });
    expect(one.seen.length).toBe(10);
    expect(one.connections.size).toBe(1);
    agent.destroy();
  });

  test('does not retry: a target that hangs up or refuses connections is a 502', async () => {
    const lb = await balanced(endpoint, 'once');
    const one = await target(() => 'hang up');
    const other = await target(() => 'hang up');
    await lb.register(one.at, other.at);
    await lb.until(one.at, /^healthy$/);
    await lb.until(other.at, /^healthy$/);
    expect((await request(lb.url)).status).toBe(502);
    expect(one.seen.length + other.seen.length).toBe(1);
    one.close();
    other.close();
    expect((await request(lb.url)).status).toBe(502);
  });

  test('sends no requests to an unhealthy target, unless all are unhealthy', async () => {
    const lb = await balanced(endpoint, 'open');
    const [one, other] = [await target(() => ({ text: 'one' })), await target(() => ({ text: 'other' }))];
    await lb.register(one.at, other.at);
    await lb.until(one.at, /^healthy$/);
    await lb.until(other.at, /^healthy$/);
    const answers = async () =>
      new Set(await Promise.all(Array.from({ length: 6 }, async () => (await request(lb.url)).text)));
    expect(await answers()).toEqual(new Set(['one', 'other']));
    one.up.status = 500;
    await lb.until(one.at, /^unhealthy Target.ResponseCodeMismatch$/);
    expect(await answers()).toEqual(new Set(['other']));
    other.up.status = 404;
    await lb.until(other.at, /^unhealthy/);
    expect(await answers()).toEqual(new Set(['one', 'other']));
  });

  test('reports why a target fails: timeout or connection refused', async () => {
    const lb = await balanced(endpoint, 'why');
    const silent = createServer(() => {});
    servers.push(silent);
    await new Promise<void>((resolve) => silent.listen(0, '0.0.0.0', resolve));
    const mute: Port = [thisMachine, (silent.address() as AddressInfo).port];
    const gone = await target(() => ({}));
    gone.close();
    await lb.register(mute, gone.at);
    await lb.until(mute, /^unhealthy Target.Timeout$/);
    await lb.until(gone.at, /^unhealthy Target.FailedHealthChecks$/);
  });

  test('applies rules by priority, and returns fixed responses', async () => {
    const lb = await balanced(endpoint, 'rules');
    const main = await target(() => ({ text: 'main' }));
    const special = await target(() => ({ text: 'special' }));
    const group = await targetGroup(endpoint, 'rules-special');
    const rule = (Priority: number, Field: string, Values: string[], action: elb.Action) =>
      endpoint.api.send(
        new elb.CreateRuleCommand({
          ...{ ListenerArn: lb.listener, Priority, Actions: [action] },
          Conditions: [{ Field, Values }],
        }),
      );
    const fixed = { StatusCode: '418', ContentType: 'text/plain', MessageBody: "no 'tea'\nhere" };
    await rule(20, 'path-pattern', ['/api/*'], { Type: 'forward', TargetGroupArn: group });
    await rule(10, 'path-pattern', ['/api/te?'], { Type: 'fixed-response', FixedResponseConfig: fixed });
    await rule(30, 'host-header', ['*.Example.com'], { Type: 'forward', TargetGroupArn: group });
    await lb.register(main.at);
    await endpoint.api.send(
      new elb.RegisterTargetsCommand({
        TargetGroupArn: group,
        Targets: [{ Id: special.at[0], Port: special.at[1] }],
      }),
    );
    const text = async (path: string, host?: string) =>
      (await request(`${lb.url}${path}`, host === undefined ? {} : { headers: { host } })).text;
    expect(await text('/')).toBe('main');
    expect(await text('/api/x')).toBe('special');
    expect(await text('/apix')).toBe('main');
    expect(await request(`${lb.url}/api/tea`)).toEqual({ status: 418, text: "no 'tea'\nhere" });
    expect(await text('/', 'www.example.com:80')).toBe('special');
    expect(await text('/', 'example.com')).toBe('main');
  });
});
