import type { Filter, Instance, SecurityGroupRule } from '@aws-sdk/client-ec2';
import { given } from '../../domain/given.js';
import type { CloudInstance, InboundRule } from '../../domain/target-group.js';
import type { Cloud } from '../cloud.js';
import { cleanMessage } from './clean-message.js';
import { chunks, oneOf, pages } from './lists.js';
import { type AwsOptions, service } from './service.js';

/** Limit of values per filter (DescribeInstances). */
const maxValues = 200;
/** Maximum page size. */
const pageSize = 1_000;

const states = ['pending', 'running', 'stopping', 'stopped', 'shutting-down', 'terminated'] as const;
const alive = ['pending', 'running', 'stopping', 'stopped'];

/** Returns the calls to EC2. */
export function ec2(
  aws: AwsOptions,
): Pick<Cloud, 'instances' | 'instancesNamed' | 'tag' | 'untag' | 'inboundRules'> {
  const connect = service('ec2', aws, async (config, middleware) => {
    const sdk = await import('./ec2-sdk.js');
    const client = new sdk.EC2Client(config);
    client.middlewareStack.add(middleware, { step: 'initialize' });
    return { sdk, client };
  });

  /** Uses a filter, because a missing ID fails a whole call by IDs. */
  async function instancesBy(name: string, values: readonly string[], more: Filter[] = []) {
    const found: CloudInstance[] = [];
    for (const Values of chunks([...new Set(values)], maxValues)) {
      const { client, sdk, options } = await connect();
      const reservations = await pages(async (mark) => {
        const page = await client.send(
          new sdk.DescribeInstancesCommand({
            Filters: [{ Name: name, Values }, ...more],
            MaxResults: pageSize,
            NextToken: mark,
          }),
          options,
        );
        return { members: page.Reservations, mark: page.NextToken };
      });
      found.push(...reservations.flatMap(({ Instances }) => (Instances ?? []).flatMap(instanceOf)));
    }
    return found;
  }

  return {
    instances: (ids) => instancesBy('instance-id', ids),

    instancesNamed: (names) =>
      instancesBy('tag:Name', names.map(escapeWildcards), [{ Name: 'instance-state-name', Values: alive }]),

    async tag(instances, tags) {
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      if (instances.length === 0 || Tags.length === 0) return;
      const { client, sdk, options } = await connect();
      await client.send(new sdk.CreateTagsCommand({ Resources: [...instances], Tags }), options);
    },

    async untag(instances, keys) {
      if (instances.length === 0 || keys.length === 0) return;
      const { client, sdk, options } = await connect();
      const Tags = keys.map((Key) => ({ Key }));
      await client.send(new sdk.DeleteTagsCommand({ Resources: [...instances], Tags }), options);
    },

    async inboundRules(securityGroups) {
      const found: InboundRule[] = [];
      for (const Values of chunks([...new Set(securityGroups)], maxValues)) {
        const { client, sdk, options } = await connect();
        const rules = await pages(async (mark) => {
          const Filters = [{ Name: 'group-id', Values }];
          const page = await client.send(
            new sdk.DescribeSecurityGroupRulesCommand({ Filters, MaxResults: pageSize, NextToken: mark }),
            options,
          );
          return { members: page.SecurityGroupRules, mark: page.NextToken };
        });
        found.push(...rules.flatMap(ruleOf));
      }
      return found;
    },
  };
}

/** Filter values treat `*` and `?` as wildcards. */
const escapeWildcards = (value: string) => value.replace(/[\\*?]/g, '\\$&');

function instanceOf(instance: Instance): CloudInstance[] {
  const {
    InstanceId: id,
    State,
    StateReason,
    StateTransitionReason,
    PrivateIpAddress,
    PublicIpAddress,
  } = instance;
  if (id === undefined) return [];
  const state = oneOf(states, State?.Name);
  const reason =
    state === undefined
      ? `unknown state ${State?.Name ?? '(none)'}`
      : StateReason?.Message || StateTransitionReason || undefined;
  const zone = instance.Placement?.AvailabilityZone;
  return [
    {
      id,
      // Treats an unknown state as not ready.
      state: state ?? 'pending',
      ...(reason === undefined ? {} : { reason: cleanMessage(reason) }),
      ...given({ privateAddress: PrivateIpAddress, publicAddress: PublicIpAddress, zone }),
      securityGroups: (instance.SecurityGroups ?? []).flatMap(({ GroupId }) => GroupId ?? []),
      tags: Object.fromEntries(
        (instance.Tags ?? []).flatMap(({ Key, Value = '' }) => (Key ? [[Key, Value]] : [])),
      ),
    },
  ];
}

function ruleOf(rule: SecurityGroupRule): InboundRule[] {
  const { GroupId, IsEgress, IpProtocol, FromPort, ToPort, CidrIpv4, CidrIpv6, ReferencedGroupInfo } = rule;
  const source = CidrIpv4 ?? CidrIpv6 ?? ReferencedGroupInfo?.GroupId ?? rule.PrefixListId;
  if (IsEgress !== false || GroupId === undefined || IpProtocol === undefined || source === undefined)
    return [];
  const ports = IpProtocol === '-1' ? { from: 0, to: 65_535 } : { from: FromPort ?? 0, to: ToPort ?? 65_535 };
  return [{ group: GroupId, protocol: IpProtocol, ...ports, source }];
}
