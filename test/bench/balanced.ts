import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as ec2 from '@aws-sdk/client-ec2';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { stringify } from 'yaml';
import { type ApiCall, CountingProxy } from './counting-proxy.js';
import { comparison, type Figure, single } from './figures.js';
import { type Bench, oneclick, run } from './process.js';
import type { Machine, Sandbox } from './sandbox.js';
import type { Pair } from './statistics.js';

/** What to measure. */
export interface BalancedOptions {
  readonly hosts: readonly number[];
  /** To each number of hosts. */
  readonly deploys: number;
}

/** The settings of the target group, s. */
const groupSettings = { interval: 5, threshold: 2, delay: 10 };

/**
 * The least that these settings allow, ms: the first check comes an interval after the registration, the last one that is needed as
 * many intervals later as there are more to pass; and the load balancer has to say twice that a target is healthy, an interval apart.
 */
const minimum = (groupSettings.threshold + 1) * groupSettings.interval * 1000;

/** No two looks of a poller are closer, and the calls of one are sent together. ms */
const pollWindow = 1000;

/** One deploy. */
interface DeployResult {
  /** From the start of the command until the release was current, ms. */
  readonly live: number;
  /** As long until the new targets were registered. */
  readonly registered: number;
  readonly calls: readonly ApiCall[];
}

/** Deploys to instances behind a load balancer of the sandbox: how long until they are live, and what they ask the API. */
export async function balancedDeploys(
  bench: Bench,
  sandbox: Sandbox,
  { hosts, deploys }: BalancedOptions,
): Promise<Figure[]> {
  const api = await CountingProxy.to(sandbox.endpoint);
  const results = new Map<number, readonly DeployResult[]>();
  try {
    for (const count of hosts)
      results.set(count, await deployRepeatedly(bench, sandbox, api, { count, deploys }));
  } finally {
    await api.close();
  }
  const [least, most] = [Math.min(...hosts), Math.max(...hosts)];
  const paired = (value: (one: DeployResult) => number): readonly Pair[] =>
    (results.get(most) ?? []).flatMap((one, index) => {
      const other = results.get(least)?.[index];
      return other === undefined ? [] : [{ ours: value(one), theirs: value(other) }];
    });
  return [
    ...[...results].flatMap(([count, all]) => figuresOf(`${count} instance${count === 1 ? '' : 's'}`, all)),
    ...(least === most
      ? []
      : [
          comparison(
            `live, ${most} instances, against ${least}`,
            'ms',
            paired(({ live }) => live),
            { of: 'ratio', most: 1.3 },
          ),
          comparison(
            '  of it, after the targets are registered',
            'ms',
            paired(({ live, registered }) => live - registered),
          ),
        ]),
  ];
}

function figuresOf(name: string, results: readonly DeployResult[]): readonly Figure[] {
  return [
    comparison(
      `live, ${name}, against the least that the checks allow`,
      'ms',
      results.map(({ live }) => ({ ours: live, theirs: minimum })),
    ),
    single(
      '  of it, until the targets are registered',
      'ms',
      results.map(({ registered }) => registered),
    ),
    comparison(
      '  calls of it, against 8 and 2 for each look of polling',
      '',
      results.map(({ calls }) => ({ ours: calls.length, theirs: 8 + 2 * countPolls(calls).looks.length })),
      { of: 'ratio', most: 1 },
    ),
    single(
      '  calls of it without those of polling',
      '',
      results.map(({ calls }) => countPolls(calls).others),
    ),
  ];
}

/** Polling is what asks for the targets' health after they were registered; its calls look by look, and how many others there are. */
function countPolls(calls: readonly ApiCall[]): {
  readonly looks: readonly number[];
  readonly others: number;
} {
  const registered = calls.findIndex(({ action }) => action === 'RegisterTargets');
  const polled = calls.slice(registered).filter(({ action }) => action === 'DescribeTargetHealth');
  const polls: ApiCall[][] = [];
  for (const call of polled) {
    const last = polls.at(-1);
    if (last?.[0] !== undefined && call.at - last[0].at < pollWindow) last.push(call);
    else polls.push([call]);
  }
  return { looks: polls.map(({ length }) => length), others: calls.length - polled.length };
}

async function deployRepeatedly(
  bench: Bench,
  sandbox: Sandbox,
  api: CountingProxy,
  { count, deploys }: { readonly count: number; readonly deploys: number },
): Promise<readonly DeployResult[]> {
  const machines = sandbox.all.slice(0, count);
  const name = `bench-${count}`;
  await sandbox.reset(machines);
  const remove = await createLoadBalancer(sandbox.endpoint, name);
  try {
    const cwd = await projectFor(bench, sandbox, machines, name);
    const deploy = async (tag: string): Promise<DeployResult> => {
      const env = { ...bench.env, ...awsVariables, AWS_ENDPOINT_URL: api.url };
      const argv = ['deploy', 'web', '--tag', tag, '--env', 'production', '--yes', '--json'];
      api.take();
      const started = Date.now();
      const { stdout } = await run([process.execPath, oneclick, ...argv], {
        ...{ cwd, env, signal: bench.signal },
      });
      const calls = api.take();
      const registering = calls.find(({ action }) => action === 'RegisterTargets');
      if (registering === undefined) throw new Error('the deploy has registered nothing');
      return { live: liveAt(stdout) - started, registered: registering.at - started, calls };
    };
    await deploy('v1');
    const results: DeployResult[] = [];
    for (let done = 1; done <= deploys; done += 1) {
      const one = await deploy(await sandbox.newVersion());
      results.push(one);
      bench.note(`${count} behind a load balancer: ${done} of ${deploys}, live after ${describe(one)}`);
    }
    return results;
  } finally {
    await remove();
  }
}

function describe({ live, registered, calls }: DeployResult): string {
  const counts = new Map<string, number>();
  for (const { action } of calls) counts.set(action, (counts.get(action) ?? 0) + 1);
  const { others, looks: polls } = countPolls(calls);
  const each = [...counts].map(([action, count]) => `${action} ${count}`).join(', ');
  return `${live} ms, registered after ${registered}; ${others} calls and ${polls.length} looks (${polls.join(' ')}): ${each}`;
}

/** When the run says that it is committed, as the time of this machine. ms */
function liveAt(events: string): number {
  const line = events.split('\n').find((one) => one.includes('"run.committed"'));
  if (line === undefined) throw new Error(`the deploy did not say that it is live:\n${events}`);
  return Date.parse((JSON.parse(line) as { at: string }).at);
}

const awsVariables = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'sandbox',
  AWS_SECRET_ACCESS_KEY: 'sandbox',
};

/** Makes a load balancer with one target group of this name; answers what removes both. */
async function createLoadBalancer(endpoint: string, name: string): Promise<() => Promise<void>> {
  const credentials = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };
  const client = { endpoint, region: awsVariables.AWS_REGION, credentials };
  const api = new elb.ElasticLoadBalancingV2Client(client);
  const Filters = [{ Name: 'map-public-ip-on-launch', Values: ['true'] }];
  const { Subnets = [] } = await new ec2.EC2Client(client).send(new ec2.DescribeSubnetsCommand({ Filters }));
  const { LoadBalancers: [created] = [] } = await api.send(
    new elb.CreateLoadBalancerCommand({
      Name: name,
      Subnets: Subnets.flatMap(({ SubnetId }) => SubnetId ?? []),
    }),
  );
  const { TargetGroups: [group] = [] } = await api.send(
    new elb.CreateTargetGroupCommand({
      ...{ Name: name, Protocol: 'HTTP', Port: 80, VpcId: created?.VpcId, HealthCheckPath: '/up' },
      ...{ HealthCheckIntervalSeconds: groupSettings.interval, HealthCheckTimeoutSeconds: 2 },
      ...{ HealthyThresholdCount: groupSettings.threshold, UnhealthyThresholdCount: 2 },
    }),
  );
  const TargetGroupArn = group?.TargetGroupArn;
  const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: `${groupSettings.delay}` }];
  await api.send(new elb.ModifyTargetGroupAttributesCommand({ TargetGroupArn, Attributes }));
  const LoadBalancerArn = created?.LoadBalancerArn;
  const DefaultActions: elb.Action[] = [{ Type: 'forward', TargetGroupArn }];
  await api.send(
    new elb.CreateListenerCommand({ LoadBalancerArn, Protocol: 'HTTP', Port: 80, DefaultActions }),
  );
  return async () => {
    await api.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn }));
    await api.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn }));
  };
}

async function projectFor(
  bench: Bench,
  sandbox: Sandbox,
  machines: readonly Machine[],
  group: string,
): Promise<string> {
  const folder = join(bench.folder, group);
  await mkdir(folder);
  const hosts = Object.fromEntries(
    machines.map(({ name, id, address, port }) => [name, { id, address, port }]),
  );
  const web = { image: `${sandbox.registry}/sample:v1`, port: 8080, health: '/up', target_group: group };
  const project = {
    project: 'shop',
    ssh: { user: machines[0]?.user, key: sandbox.key, known_hosts: sandbox.knownHosts },
    services: { web },
    environments: { production: { hosts } },
  };
  await writeFile(join(folder, 'oneclick.yml'), stringify(project));
  return folder;
}
