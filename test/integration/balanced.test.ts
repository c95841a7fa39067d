import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { openSandbox, type Project, type Sandbox, succeeds, waitFor } from './harness.js';
import { request, type Tally, traffic } from './traffic.js';

jest.setTimeout(600_000);

let sandbox: Sandbox;
let api: elb.ElasticLoadBalancingV2Client;
let endpoint = '';
let subnets: readonly string[] = [];
const credentials = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };

beforeAll(async () => {
  sandbox = await openSandbox('balanced');
  const project = await sandbox.newProject();
  const { stdout } = await project.run('sandbox', 'status', '--name', sandbox.name, '--json');
  endpoint = z.object({ endpoint: z.string() }).parse(JSON.parse(stdout)).endpoint;
  const settings = { region: 'us-east-1', endpoint, credentials };
  api = new elb.ElasticLoadBalancingV2Client(settings);
  const Filters = [{ Name: 'map-public-ip-on-launch', Values: ['true'] }];
  const { Subnets } = await new ec2.EC2Client(settings).send(new ec2.DescribeSubnetsCommand({ Filters }));
  subnets = Subnets?.flatMap(({ SubnetId }) => SubnetId ?? []) ?? [];
});

afterEach(async () => {
  await setFault(await sandbox.newProject(), '--clear');
  await sandbox.clean();
  const { LoadBalancers = [] } = await api.send(new elb.DescribeLoadBalancersCommand({}));
  for (const { LoadBalancerArn } of LoadBalancers)
    await api.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn }));
  const { TargetGroups = [] } = await api.send(new elb.DescribeTargetGroupsCommand({}));
  for (const { TargetGroupArn } of TargetGroups)
    await api.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn }));
});

afterAll(() => sandbox.down());

/** Creates a load balancer on port 80 and a target group with fast health checks; returns its URL. */
async function createLoadBalancer(name: string): Promise<string> {
  const { LoadBalancers: [created] = [] } = await api.send(
    new elb.CreateLoadBalancerCommand({ Name: name, Subnets: [...subnets] }),
  );
  const { TargetGroups: [group] = [] } = await api.send(
    new elb.CreateTargetGroupCommand({
      ...{ Name: name, Protocol: 'HTTP', Port: 80, VpcId: created?.VpcId, HealthCheckPath: '/up' },
      ...{ HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 2 },
      ...{ HealthyThresholdCount: 2, UnhealthyThresholdCount: 2 },
    }),
  );
  const TargetGroupArn = group?.TargetGroupArn;
  const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: '10' }];
  await api.send(new elb.ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }));
  const DefaultActions: elb.Action[] = [{ Type: 'forward', TargetGroupArn }];
  const listener = { LoadBalancerArn: created?.LoadBalancerArn, Protocol: 'HTTP', Port: 80 } as const;
  await api.send(new elb.CreateListenerCommand({ ...listener, DefaultActions }));
  return `http://${created?.DNSName}`;
}

/** Deploys a web service behind a load balancer, and other services, to the first `count` machines. */
async function deployBalanced(
  name: string,
  count: number,
  others: Readonly<Record<string, object>> = {},
): Promise<{ project: Project; url: string }> {
  const url = await createLoadBalancer(name);
  const project = await sandbox.newProject({
    ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: 'us-east-1', ONECLICK_ENV: 'few' },
    ...{ AWS_ACCESS_KEY_ID: 'sandbox', AWS_SECRET_ACCESS_KEY: 'sandbox' },
  });
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const environments = { few: sandbox.environmentOf(numbers) };
  await project.write({ web: { port: 8080, target_group: name }, ...others }, { environments });
  await succeeds(project.start('deploy'));
  return { project, url };
}

/** Runs an action under traffic from several clients; slow requests are always in flight. */
async function withTraffic(url: string, action: () => Promise<unknown>): Promise<Tally> {
  const clients = [
    traffic(url, 40, 'kept'),
    traffic(url, 40, 'new'),
    traffic(`${url}/cgi-bin/slow?5`, 1, 'new'),
  ];
  const stop = () => Promise.all(clients.map((client) => client.stop()));
  await action().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const tallies = await stop();
  return {
    answered: tallies.reduce((sum, { answered }) => sum + answered, 0),
    failures: tallies.flatMap(({ failures }) => failures),
  };
}

const version = async (url: string) => (await request(url)).text.trim();

test.each([
  ['three instances', 3],
  ['a single instance', 1],
])(
  'no request is lost on %s during a deploy, a failed deploy, a killed deploy and a rollback',
  async (_, count) => {
    const { project, url } = await deployBalanced(`of-${count}`, count);
    const tally = await withTraffic(url, async () => {
      await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--no-settle'));
      expect(await version(url)).toBe('v2');

      const broken = await project.run('deploy', 'web', '--tag', 'broken');
      expect(broken).toMatchObject({ code: 6, stderr: expect.stringContaining('undone') });

      const killed = project.start('deploy', 'web', '--tag', 'v3');
      await killed.prints(/register web with the load balancer/);
      killed.child.kill('SIGKILL');
      await killed.result;
      await waitFor(async () => (await project.run('resume')).code === 0, 120_000);
      expect(await version(url)).toBe('v3');

      await succeeds(project.start('rollback', '--no-settle'));
      expect(await version(url)).toBe('v2');
      await succeeds(project.start('settle'));
    });
    expect(tally.failures).toEqual([]);
    expect(tally.answered).toBeGreaterThan(5_000);
    for (let machine = 1; machine <= count; machine += 1)
      expect(await runningContainers(project, machine)).toHaveLength(1);
  },
);

test('instances are deactivated and activated under traffic, but never the last healthy one', async () => {
  const { project, url } = await deployBalanced('out', 3);
  const { id = '' } = sandbox.environment.hosts['sandbox-2'] ?? {};
  const status = await succeeds(project.start('sandbox', 'status', '--name', sandbox.name, '--json'));
  expect(JSON.parse(status.stdout)).toMatchObject({
    loadBalancers: [{ name: 'out', address: new URL(url).hostname }],
  });
  const tally = await withTraffic(url, async () => {
    await succeeds(project.start('lb', 'deactivate', id, 'web/3'));
    const status = await succeeds(project.start('lb', 'status'));
    expect(status.stdout).toMatch(new RegExp(`^${id} +sandbox-2 .* out +deactivated by `, 'm'));
    const last = await project.run('lb', 'deactivate', 'web/1');
    expect(last).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no healthy target would be left'),
    });

    await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--no-settle'));
    expect((await succeeds(project.start('lb', 'status', '--json'))).stdout).toMatch(/"out"/);
    await succeeds(project.start('lb', 'activate', 'sandbox-2', 'web/3'));
  });
  expect(tally.failures).toEqual([]);
  const { stdout } = await succeeds(project.start('lb', 'status'));
  expect(stdout).toMatch(/^web: 3 of 3 healthy in out$/m);
});

test('no request is lost on a single instance during canaries and a rollback, while AWS misbehaves', async () => {
  const { project, url } = await deployBalanced('one', 1);
  const canary = ['deploy', 'web', '--tag', 'v2', '--canary', '10%'];
  await setFault(project, 'leak', '--times', 'always');
  await setFault(project, 'throttle', '--times', '5');
  for (const on of ['RegisterTargets', 'DeregisterTargets'])
    await setFault(project, 'lost-response', '--on', on);
  const tally = await withTraffic(url, async () => {
    const started = await succeeds(project.start(...canary));
    expect(started.stderr).toMatch(/web: canary on sandbox-1, about 50% of requests/);
    expect((await succeeds(project.start('status'))).stdout).toMatch(
      /^canary +web release 2 on sandbox-1; next: /m,
    );
    await succeeds(project.start('rollback', '--no-settle'));
    // The leak fault delays the switch.
    await waitFor(async () => (await version(url)) === 'v1');

    await succeeds(project.start(...canary));
    await succeeds(project.start('promote', '--no-settle'));
    await waitFor(async () => (await version(url)) === 'v2');
    await succeeds(project.start('rollback'));
  });
  expect(tally.failures).toEqual([]);
  expect(await version(url)).toBe('v1');
});

test('a release behind rules is confirmed by a request that only its own rule forwards', async () => {
  const { project } = await deployBalanced('rules', 1);
  const { LoadBalancers: [balancer] = [] } = await api.send(
    new elb.DescribeLoadBalancersCommand({ Names: ['rules'] }),
  );
  const LoadBalancerArn = balancer?.LoadBalancerArn;
  const { Listeners: [listener] = [] } = await api.send(
    new elb.DescribeListenersCommand({ LoadBalancerArn }),
  );
  const ListenerArn = listener?.ListenerArn;
  const host = { Field: 'host-header', HostHeaderConfig: { Values: ['shop.example.com'] } };
  await api.send(
    new elb.CreateRuleCommand({
      ...{ ListenerArn, Priority: 10, Conditions: [host], Actions: listener?.DefaultActions },
    }),
  );
  const answer = async (StatusCode: string) => {
    const DefaultActions: elb.Action[] = [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode } }];
    await api.send(new elb.ModifyListenerCommand({ ListenerArn, DefaultActions }));
  };

  await answer('404');
  const { stdout } = await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--dry-run'));
  expect(stdout).toContain('GET http://shop.example.com/');
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--no-settle'));

  // The default now answers 200 to everything else, which must not confirm a release.
  await answer('200');
  const { Rules: [rule] = [] } = await api.send(new elb.DescribeRulesCommand({ ListenerArn }));
  const path = { Field: 'path-pattern', PathPatternConfig: { Values: ['/api/*'] } };
  await api.send(new elb.ModifyRuleCommand({ RuleArn: rule?.RuleArn, Conditions: [host, path] }));
  const web = { port: 8080, target_group: 'rules', confirm: { path: '/up' } };
  await project.write({ web }, { environments: { few: sandbox.environmentOf([1]) } });
  const unsure = await succeeds(project.start('deploy', 'web', '--tag', 'v3'));
  expect(unsure.stderr).toContain('web: nothing can be confirmed: port 80 of rules does not forward');
});

/** Prints the version that answers as `web`, again and again; `lost` for a failed request. */
const caller = {
  port: undefined,
  health: { settle: '0s' },
  docker: {
    Entrypoint: [
      ...['/bin/sh', '-c'],
      `while true; do
        out=$(printf 'GET /up HTTP/1.0\\r\\n\\r\\n' | nc -w 5 web 8080 | tail -n 1)
        case $out in v?) echo "$out" ;; *) echo "lost: $out" ;; esac
        usleep 20000
      done`,
    ],
  },
};

test('other services reach only healthy containers of the release by name, and no request is lost', async () => {
  const { project } = await deployBalanced('named', 1, { caller });
  const logs = `docker logs $(docker ps -q --filter label=oneclick.service=caller) 2>&1`;
  const answers = async () => (await sandbox.inside(1, 'sh', '-c', logs)).trim().split('\n');
  await waitFor(async () => (await answers()).at(-1) === 'v1');
  const start = (await answers()).length;
  /** The different answers since the last call. */
  let seen = start;
  const since = async () => {
    const all = await answers();
    const fresh = new Set(all.slice(seen));
    seen = all.length;
    return [...fresh];
  };
  await succeeds(project.start('deploy', 'web', '--tag', 'v2', '--canary', '10%'));
  expect(await since()).toEqual(['v1']);
  await succeeds(project.start('promote'));
  await waitFor(async () => (await answers()).at(-1) === 'v2');
  expect(new Set(await since())).toEqual(new Set(['v1', 'v2']));
  expect(await project.run('deploy', 'web', '--tag', 'broken')).toMatchObject({ code: 6 });
  await succeeds(project.start('deploy', 'web', '--tag', 'v3'));
  await waitFor(async () => (await answers()).at(-1) === 'v3');
  expect(new Set(await since())).toEqual(new Set(['v2', 'v3']));
  await succeeds(project.start('rollback'));
  await waitFor(async () => (await answers()).at(-1) === 'v2');
  expect(new Set(await since())).toEqual(new Set(['v3', 'v2']));
});

/** Enables or clears a fault of the sandbox's AWS endpoint. */
const setFault = (project: Project, ...words: readonly string[]) =>
  succeeds(project.start('sandbox', 'fault', ...words, '--name', sandbox.name));

async function runningContainers(project: Project, machine: number): Promise<readonly string[]> {
  return (await project.containers(machine)).filter((line) => line.endsWith(' running'));
}
