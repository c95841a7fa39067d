import type {
  LoadBalancer as Described,
  Listener,
  LoadBalancerAttribute,
  Rule,
  TargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { given } from '../../domain/given.js';
import type { LoadBalancer } from '../../domain/target-group.js';
import { cleanMessage } from './clean-message.js';
import type { ConnectElb } from './connect-elb.js';
import { forwardedTo, rulesFor } from './listener-rules.js';
import { chunks, oneOf, pages } from './lists.js';

/** Limit of DescribeLoadBalancers. */
const maxArns = 20;
/** Maximum page size; the SDK's paginators ignore their pageSize. */
const pageSize = 400;

const kinds = ['application', 'network', 'gateway'] as const;
const states = ['provisioning', 'active', 'active_impaired', 'failed'] as const;

/** A load balancer with all its listeners, and the rules of each, the default last. */
interface BalancerListeners {
  readonly balancer: Omit<LoadBalancer, 'listeners'>;
  readonly listeners: readonly {
    readonly protocol: string;
    readonly port: number;
    readonly rules: readonly Rule[];
  }[];
}

/** Returns a function from a group to its load balancers, with only the listeners that forward to the group. */
export async function balancers(
  connect: ConnectElb,
  groups: readonly TargetGroup[],
): Promise<(group: TargetGroup) => LoadBalancer[]> {
  const arns = new Set(groups.flatMap(({ LoadBalancerArns }) => LoadBalancerArns ?? []));
  const found: Described[] = [];
  for (const LoadBalancerArns of chunks([...arns], maxArns)) {
    const { client, sdk, options } = await connect();
    const { LoadBalancers } = await client.send(
      new sdk.DescribeLoadBalancersCommand({ LoadBalancerArns }),
      options,
    );
    found.push(...(LoadBalancers ?? []));
  }
  const feeders = (await Promise.all(found.map((one) => describeBalancer(connect, one)))).flat();
  return ({ TargetGroupArn: group = '', LoadBalancerArns = [] }) =>
    feeders
      .filter(({ balancer }) => LoadBalancerArns.includes(balancer.arn))
      .map(({ balancer, listeners }) => ({
        ...balancer,
        listeners: listeners
          .filter(({ rules }) => rules.flatMap(forwardedTo).includes(group))
          .map(({ protocol, port, rules }) => ({
            protocol,
            port,
            ...given({ rules: rulesFor(rules, group) }),
          })),
      }));
}

async function describeBalancer(connect: ConnectElb, described: Described): Promise<BalancerListeners[]> {
  const { LoadBalancerArn: arn, State } = described;
  if (arn === undefined) return [];
  const kind = oneOf(kinds, described.Type) ?? 'application';
  const [idleTimeout, listeners] = await Promise.all([
    kind === 'application' ? idleTimeoutOf(connect, arn) : undefined,
    listenersOf(connect, arn, kind === 'application'),
  ]);
  const state = oneOf(states, State?.Code);
  const reason = state === undefined ? `unknown state ${State?.Code ?? '(none)'}` : State?.Reason;
  const balancer = {
    arn,
    name: described.LoadBalancerName ?? arn,
    kind,
    scheme: described.Scheme === 'internal' ? ('internal' as const) : ('internet-facing' as const),
    // Treats an unknown state as not ready.
    state: state ?? ('provisioning' as const),
    ...(reason === undefined ? {} : { reason: cleanMessage(reason) }),
    address: described.DNSName ?? '',
    zones: (described.AvailabilityZones ?? []).flatMap(({ ZoneName }) => ZoneName ?? []),
    securityGroups: described.SecurityGroups ?? [],
    ...given({ idleTimeout }),
  };
  return [{ balancer, listeners }];
}

async function idleTimeoutOf(connect: ConnectElb, arn: string): Promise<number | undefined> {
  const { client, sdk, options } = await connect();
  const { Attributes } = await client.send(
    new sdk.DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: arn }),
    options,
  );
  const value = attribute(Attributes, 'idle_timeout.timeout_seconds');
  return value === undefined ? undefined : seconds(value);
}

/** Returns the listeners. Only those of application load balancers have rules besides the default. */
async function listenersOf(
  connect: ConnectElb,
  balancer: string,
  haveRules: boolean,
): Promise<BalancerListeners['listeners']> {
  const { client, sdk, options } = await connect();
  const listeners = await pages(async (Marker) => {
    const page = await client.send(
      new sdk.DescribeListenersCommand({ LoadBalancerArn: balancer, PageSize: pageSize, Marker }),
      options,
    );
    return { members: page.Listeners, mark: page.NextMarker };
  });
  return Promise.all(
    listeners.map(async (listener) => ({
      protocol: listener.Protocol ?? '',
      port: listener.Port ?? 0,
      rules: [
        ...(haveRules ? await customRules(connect, listener) : []),
        ...(listener.DefaultActions === undefined ? [] : [{ Actions: listener.DefaultActions }]),
      ],
    })),
  );
}

/** Returns a listener's rules without the default, in the order of evaluation. */
async function customRules(connect: ConnectElb, { ListenerArn }: Listener): Promise<readonly Rule[]> {
  if (ListenerArn === undefined) return [];
  const { client, sdk, options } = await connect();
  const rules = await pages(async (Marker) => {
    const page = await client.send(
      new sdk.DescribeRulesCommand({ ListenerArn, PageSize: pageSize, Marker }),
      options,
    );
    return { members: page.Rules, mark: page.NextMarker };
  });
  return rules
    .filter(({ IsDefault }) => IsDefault !== true)
    .sort((a, b) => Number(a.Priority) - Number(b.Priority));
}

/** Returns the value of an attribute, if present. */
export function attribute(
  all: readonly LoadBalancerAttribute[] | undefined,
  name: string,
): string | undefined {
  return (all ?? []).find(({ Key }) => Key === name)?.Value;
}

/** Converts seconds to ms; returns 0 for anything else. */
export const seconds = (value: number | string | undefined): number => {
  const ms = Number(value ?? 0) * 1000;
  return Number.isFinite(ms) ? ms : 0;
};
