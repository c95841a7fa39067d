import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { finished, type Machines, machines, type Project, waitFor } from './harness.js';
import { request, type Tally, traffic } from './traffic.js';

jest.setTimeout(600_000);

let field: Machines;
let api: elb.ElasticLoadBalancingV2Client;
let endpoint = '';
let subnets: readonly string[] = [];
const credentials = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };

beforeAll(async () => {
  field = await machines('balanced');
  const asking = await field.project();
  const { stdout } = await asking.run('sandbox', 'status', '--name', field.sandbox, '--json');
  endpoint = z.object({ endpoint: z.string() }).parse(JSON.parse(stdout)).endpoint;
  const settings = { region: 'us-east-1', endpoint, credentials };
  api = new elb.ElasticLoadBalancingV2Client(settings);
  const Filters = [{ Name: 'map-public-ip-on-launch', Values: ['true'] }];
  const { Subnets } = await new ec2.EC2Client(settings).send(new ec2.DescribeSubnetsCommand({ Filters }));
  subnets = Subnets?.flatMap(({ SubnetId }) => SubnetId ?? []) ?? [];
});

afterEach(async () => {
  await fault(await field.project(), '--clear');
  await field.clean();
  const { LoadBalancers = [] } = await api.send(new elb.DescribeLoadBalancersCommand({}));
  for (const { LoadBalancerArn } of LoadBalancers)
    await api.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn }));
  const { TargetGroups = [] } = await api.send(new elb.DescribeTargetGroupsCommand({}));
  for (const { TargetGroupArn } of TargetGroups)
    await api.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn }));
});

afterAll(() => field.down());

/** A target group with quick checks behind a load balancer on port 80, whose address is answered. */
async function balancer(name: string): Promise<string> {
  const { LoadBalancers: [made] = [] } = await api.send(
    new elb.CreateLoadBalancerCommand({ Name: name, Subnets: [...subnets] }),
  );
  const { TargetGroups: [group] = [] } = await api.send(
    new elb.CreateTargetGroupCommand({
      ...{ Name: name, Protocol: 'HTTP', Port: 80, VpcId: made?.VpcId, HealthCheckPath: '/up' },
      ...{ HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 2 },
      ...{ HealthyThresholdCount: 2, UnhealthyThresholdCount: 2 },
    }),
  );
  const TargetGroupArn = group?.TargetGroupArn;
  const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '10' }];
  await api.send(new elb.ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }));
  const DefaultActions: elb.Action[] = [{ Type: 'forward', TargetGroupArn }];
  const listener = { LoadBalancerArn: made?.LoadBalancerArn, Protocol: 'HTTP', Port: 80 } as const;
  await api.send(new elb.CreateListenerCommand({ ...listener, DefaultActions }));
  return `http://${made?.DNSName}`;
}

/** A web service behind a load balancer, on the first `count` machines. */
async function service(name: string, count: number): Promise<{ project: Project; url: string }> {
  const url = await balancer(name);
  const project = await field.project({
    ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: 'us-east-1', ONECLICK_ENV: 'few' },
    ...{ AWS_ACCESS_KEY_ID: 'sandbox', AWS_SECRET_ACCESS_KEY: 'sandbox' },
  });
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const environments = { few: field.some(numbers) };
  await project.write({ web: { port: 8080, target_group: name } }, { environments });
  await finished(project.start('deploy'));
  return { project, url };
}

/** Clients of every kind until `act` is over; slow requests are in flight all the time. */
async function underTraffic(url: string, act: () => Promise<unknown>): Promise<Tally> {
  const clients = [
    traffic(url, 40, 'kept'),
    traffic(url, 40, 'new'),
    traffic(`${url}/cgi-bin/slow?5`, 1, 'new'),
  ];
  const stop = () => Promise.all(clients.map((client) => client.stop()));
  await act().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const tallies = await stop();
  return {
    answered: tallies.reduce((sum, { answered }) => sum + answered, 0),
    failures: tallies.flatMap(({ failures }) => failures),
  };
}

const answers = async (url: string) => (await request(url)).text.trim();

test.each([
  ['three instances', 3],
  ['a single instance', 1],
])('a deploy, one that fails, a killed one and a rollback lose not one request on %s', async (_, count) => {
  const { project, url } = await service(`of-${count}`, count);
  const tally = await underTraffic(url, async () => {
    await finished(project.start('deploy', 'web', '--tag', 'v2', '--no-settle'));
    expect(await answers(url)).toBe('v2');

    const broken = await project.run('deploy', 'web', '--tag', 'broken');
    expect(broken).toMatchObject({ code: 6, stderr: expect.stringContaining('undone') });

    const killed = project.start('deploy', 'web', '--tag', 'v3');
    await killed.prints(/register web with the load balancer/);
    killed.child.kill('SIGKILL');
    await killed.answer;
    await waitFor(async () => (await project.run('resume')).code === 0, 120_000);
    expect(await answers(url)).toBe('v3');

    await finished(project.start('rollback', '--no-settle'));
    expect(await answers(url)).toBe('v2');
    await finished(project.start('settle'));
  });
  expect(tally.failures).toEqual([]);
  expect(tally.answered).toBeGreaterThan(5_000);
  for (let machine = 1; machine <= count; machine += 1)
    expect(await running(project, machine)).toHaveLength(1);
});

test('instances are taken out and brought back under traffic, and the last one stays', async () => {
  const { project, url } = await service('out', 3);
  const { id = '' } = field.environment.hosts['sandbox-2'] ?? {};
  const known = await finished(project.start('sandbox', 'status', '--name', field.sandbox, '--json'));
  expect(JSON.parse(known.stdout)).toMatchObject({
    loadBalancers: [{ name: 'out', address: new URL(url).hostname }],
  });
  const tally = await underTraffic(url, async () => {
    await finished(project.start('lb', 'deactivate', id, 'web/3'));
    const status = await finished(project.start('lb', 'status'));
    expect(status.stdout).toMatch(new RegExp(`^${id} +sandbox-2 .* out +deactivated by `, 'm'));
    const last = await project.run('lb', 'deactivate', 'web/1');
    expect(last).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no healthy target would be left'),
    });

    await finished(project.start('deploy', 'web', '--tag', 'v2', '--no-settle'));
    expect((await finished(project.start('lb', 'status', '--json'))).stdout).toMatch(/"out"/);
    await finished(project.start('lb', 'activate', 'sandbox-2', 'web/3'));
  });
  expect(tally.failures).toEqual([]);
  const { stdout } = await finished(project.start('lb', 'status'));
  expect(stdout).toMatch(/^web: 3 of 3 healthy in out$/m);
});

test('a canary that is undone, one that is promoted, and a rollback lose not one request on a single instance, with AWS at its worst', async () => {
  const { project, url } = await service('one', 1);
  const canary = ['deploy', 'web', '--tag', 'v2', '--canary', '10%'];
  await fault(project, 'leak', '--times', 'always');
  await fault(project, 'throttle', '--times', '5');
  for (const on of ['RegisterTargets', 'DeregisterTargets'])
    await fault(project, 'lost-response', '--on', on);
  const tally = await underTraffic(url, async () => {
    const begun = await finished(project.start(...canary));
    expect(begun.stderr).toMatch(/web: canary on sandbox-1, about 50% of requests/);
    expect((await finished(project.start('status'))).stdout).toMatch(
      /^canary +web release 2 on sandbox-1; next: /m,
    );
    await finished(project.start('rollback', '--no-settle'));
    // What leaks does so for a moment.
    await waitFor(async () => (await answers(url)) === 'v1');

    await finished(project.start(...canary));
    await finished(project.start('promote', '--no-settle'));
    await waitFor(async () => (await answers(url)) === 'v2');
    await finished(project.start('rollback'));
  });
  expect(tally.failures).toEqual([]);
  expect(await answers(url)).toBe('v1');
});

/** Switches a fault of the sandbox's AWS on, or off. */
const fault = (project: Project, ...words: readonly string[]) =>
  finished(project.start('sandbox', 'fault', ...words, '--name', field.sandbox));

async function running(project: Project, machine: number): Promise<readonly string[]> {
  return (await project.containers(machine)).filter((line) => line.endsWith(' running'));
}
