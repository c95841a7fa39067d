import { readFile } from 'node:fs/promises';
import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Region } from '../../src/sandbox/aws/action.js';
import { subnets } from '../../src/sandbox/aws/ec2/layout.js';
import { elbActionsFor } from '../../src/sandbox/aws/elb/actions.js';
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
import { type Sandbox, waitFor } from './harness.js';

/** An instance ID that stands for this machine; its targets are servers in the test process. */
export const thisMachine = 'i-00000000000000000';

/** An endpoint in this process, used through the SDK. */
export interface Endpoint {
  readonly api: elb.ElasticLoadBalancingV2Client;
  readonly region: Region;
  /** Simulates the end of its process; documents and proxies stay. */
  close(): Promise<void>;
  /** Simulates a restart of its process. */
  reopen(): Promise<void>;
}

type Api = Pick<Endpoint, 'api' | 'region'>;

/** Opens an endpoint for load balancing in a running sandbox. */
export async function openEndpoint(on: Sandbox): Promise<Endpoint> {
  let current = await openRegionApi(on);
  return {
    get api() {
      return current.api;
    },
    get region() {
      return current.region;
    },
    close: () => current.close(),
    reopen: async () => {
      current = await openRegionApi(on);
    },
  };
}

async function openRegionApi({ name: sandbox, environment }: Sandbox): Promise<Omit<Endpoint, 'reopen'>> {
  const shutdown = new AbortController();
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const context: Context = { docker: await connect(), progress, signal: shutdown.signal, clock, env: {} };
  const network = await findNetwork(context, sandbox);
  if (network === undefined) throw new Error(`no sandbox ${sandbox}`);
  const publicKey = (await readFile(`${environment.ssh.key}.pub`, 'utf8')).trim();
  const region = await openRegion(context, sandbox, network, await ensureImage(context), publicKey);
  const state = openBalancerState(haproxies, async (on, id) =>
    id === thisMachine ? { address: `${network.prefix}1`, running: true } : addressOf(on, id),
  );
  const service = {
    ...({ protocol: 'awsQuery', version: '2015-12-01', schemas: { ...elb } } as const),
    namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
    actions: elbActionsFor(state),
  };
  const reconciling = reconcile(state, region);
  return {
    region,
    api: clients({ elasticloadbalancing: service }, region).elb,
    close: () => {
      shutdown.abort();
      return reconciling;
    },
  };
}

/** The fastest health checks that AWS allows. */
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
  /** Returns a target's health: `initial Elb.RegistrationInProgress`, `healthy`, … */
  health(target: Port): Promise<string>;
  /** Waits until the target's health matches. */
  until(target: Port, state: RegExp): Promise<void>;
}

/** A target: the ID of an instance, and a port. */
export type Port = readonly [id: string, port: number];

/** Creates a target group with the fastest health checks; `delay` is the deregistration delay, s. */
export async function targetGroup({ api }: Api, name: string, delay = 10, more: object = {}) {
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

/** Creates a load balancer with one target group. */
export async function balanced(
  endpoint: Api,
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
export async function removeAll({ api }: Pick<Api, 'api'>): Promise<void> {
  const { LoadBalancers } = await api.send(new elb.DescribeLoadBalancersCommand({}));
  for (const { LoadBalancerArn } of LoadBalancers ?? [])
    await api.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn }));
  const { TargetGroups } = await api.send(new elb.DescribeTargetGroupsCommand({}));
  for (const { TargetGroupArn } of TargetGroups ?? [])
    await api.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn }));
}
