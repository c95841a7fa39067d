import { readFile } from 'node:fs/promises';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Region } from '../../src/sandbox/aws/action.js';
import { subnets } from '../../src/sandbox/aws/ec2/layout.js';
import { elbActionsIn } from '../../src/sandbox/aws/elb/actions.js';
import { openBalancerState, reconcile } from '../../src/sandbox/aws/elb/balancer-state.js';
import { addressOf } from '../../src/sandbox/aws/elb/instances.js';
import { haproxies } from '../../src/sandbox/aws/elb/proxy.js';
import { openRegion } from '../../src/sandbox/aws/region.js';
import { clock } from '../../src/sandbox/clock.js';
import type { Context } from '../../src/sandbox/context.js';
import { connect } from '../../src/sandbox/docker.js';
import { ensureImage } from '../../src/sandbox/image.js';
import { findNetwork } from '../../src/sandbox/network.js';
import { clients } from '../unit/sandbox/aws/region.js';
import { type Machines, waitFor } from './harness.js';

/** The ID of an instance that is this machine: its targets are servers of the test itself. */
export const here = 'i-00000000000000000';

/** The endpoint of a sandbox in this process, asked through the SDK. */
export interface Endpoint {
  readonly api: elb.ElasticLoadBalancingV2Client;
  readonly region: Region;
  /** As when its process ends; documents and proxies stay. */
  close(): Promise<void>;
  /** As when its process is started again. */
  reopen(): Promise<void>;
}

/** What a test asks. */
type Asked = Pick<Endpoint, 'api' | 'region'>;

/** Opens an endpoint for load balancing on a sandbox that is up. */
export async function openEndpoint(on: Machines): Promise<Endpoint> {
  let current = await opened(on);
  return {
    get api() {
      return current.api;
    },
    get region() {
      return current.region;
    },
    close: () => current.close(),
    reopen: async () => {
      current = await opened(on);
    },
  };
}

async function opened({ sandbox, environment }: Machines): Promise<Omit<Endpoint, 'reopen'>> {
  const end = new AbortController();
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const context: Context = { docker: await connect(), progress, signal: end.signal, clock, env: {} };
  const network = await findNetwork(context, sandbox);
  if (network === undefined) throw new Error(`no sandbox ${sandbox}`);
  const publicKey = (await readFile(`${environment.ssh.key}.pub`, 'utf8')).trim();
  const region = await openRegion(context, sandbox, network, await ensureImage(context), publicKey);
  const world = openBalancerState(haproxies, async (of, id) =>
    id === here ? { address: `${network.prefix}1`, running: true } : addressOf(of, id),
  );
  const service = {
    ...({ protocol: 'awsQuery', version: '2015-12-01', schemas: { ...elb } } as const),
    namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
    actions: elbActionsIn(world),
  };
  const tending = reconcile(world, region);
  return {
    region,
    api: clients({ elasticloadbalancing: service }, region).elb,
    close: () => {
      end.abort();
      return tending;
    },
  };
}

/** A group's settings that are quickest. */
const quick = {
  HealthCheckPath: '/up',
  HealthCheckIntervalSeconds: 5,
  HealthCheckTimeoutSeconds: 2,
  HealthyThresholdCount: 2,
  UnhealthyThresholdCount: 2,
};

/** A load balancer with one group behind a listener on port 80. */
export interface Balanced {
  readonly loadBalancer: string;
  readonly listener: string;
  readonly group: string;
  readonly url: string;
  register(...targets: readonly Port[]): Promise<void>;
  deregister(...targets: readonly Port[]): Promise<void>;
  /** `initial Elb.RegistrationInProgress`, `healthy`, … of a target. */
  health(target: Port): Promise<string>;
  /** Waits until the target is in this state. */
  until(target: Port, state: RegExp): Promise<void>;
}

/** A target: the ID of an instance, and a port. */
export type Port = readonly [id: string, port: number];

/** A group of its own, with the quickest settings. */
export async function targetGroup({ api }: Asked, name: string, delay = 10, more: object = {}) {
  const made = await api.send(
    new elb.CreateTargetGroupCommand({
      ...{ Name: name, Protocol: 'HTTP', Port: 8080, VpcId: 'vpc-1' },
      ...quick,
      ...more,
    }),
  );
  const arn = made.TargetGroups?.[0]?.TargetGroupArn ?? '';
  const Attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: `${delay}` }];
  await api.send(new elb.ModifyTargetGroupAttributesCommand({ TargetGroupArn: arn, Attributes }));
  return arn;
}

/** Makes a load balancer with one group of targets. */
export async function balanced(
  endpoint: Asked,
  name: string,
  delay?: number,
  more?: object,
): Promise<Balanced> {
  const { api, region } = endpoint;
  const Subnets = subnets(region)
    .slice(0, 2)
    .map(({ id }) => id);
  const { LoadBalancers } = await api.send(new elb.CreateLoadBalancerCommand({ Name: name, Subnets }));
  const { LoadBalancerArn = '', DNSName } = LoadBalancers?.[0] ?? {};
  const group = await targetGroup(endpoint, name, delay, more);
  const { Listeners } = await api.send(
    new elb.CreateListenerCommand({
      ...{ LoadBalancerArn, Protocol: 'HTTP', Port: 80 },
      DefaultActions: [{ Type: 'forward', TargetGroupArn: group }],
    }),
  );
  const input = (targets: readonly Port[]) => ({
    TargetGroupArn: group,
    Targets: targets.map(([Id, Port]) => ({ Id, Port })),
  });
  const health = async (target: Port) => {
    const answer = await endpoint.api.send(new elb.DescribeTargetHealthCommand(input([target])));
    const { State, Reason = '' } = answer.TargetHealthDescriptions?.[0]?.TargetHealth ?? {};
    return `${State} ${Reason}`.trim();
  };
  return {
    ...{ loadBalancer: LoadBalancerArn, listener: Listeners?.[0]?.ListenerArn ?? '', group, health },
    url: `http://${DNSName}`,
    register: async (...targets) => {
      await endpoint.api.send(new elb.RegisterTargetsCommand(input(targets)));
    },
    deregister: async (...targets) => {
      await endpoint.api.send(new elb.DeregisterTargetsCommand(input(targets)));
    },
    until: (target, state) => waitFor(async () => state.test(await health(target))),
  };
}

/** Removes all load balancers and groups. */
export async function removeAll({ api }: Pick<Asked, 'api'>): Promise<void> {
  const { LoadBalancers } = await api.send(new elb.DescribeLoadBalancersCommand({}));
  for (const { LoadBalancerArn } of LoadBalancers ?? [])
    await api.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn }));
  const { TargetGroups } = await api.send(new elb.DescribeTargetGroupsCommand({}));
  for (const { TargetGroupArn } of TargetGroups ?? [])
    await api.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn }));
}
