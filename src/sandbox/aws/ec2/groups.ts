import type {
  CreateSecurityGroupRequest,
  CreateSecurityGroupResult,
  DeleteSecurityGroupRequest,
  DeleteSecurityGroupResult,
  DescribeSecurityGroupsRequest,
  DescribeSecurityGroupsResult,
} from '@aws-sdk/client-ec2';
import { type Action, AwsError, account, type Region, region as regionName } from '../action.js';
import { dependencyError } from '../faults/catalog.js';
import { hiddenUntil, visible } from '../faults/profile.js';
import { type Group, groups, interfaces, type Rule } from './documents.js';
import { fixedId, newId } from './ids.js';
import { vpcId } from './layout.js';
import { permissions } from './permissions.js';
import { applyFilters, notFound, paginate, selectByIds } from './query.js';
import { addTags, removeTags, tagsFor, tagsOf } from './tags.js';

const anyTraffic = { protocol: '-1', from: -1, to: -1, cidr: '0.0.0.0/0' };

/** Returns the ID of the group for requests without one. */
export function defaultGroup(region: Pick<Region, 'network'>): string {
  return fixedId(region, 'sg', 'default');
}

/** Returns the ID of the sandbox machines' group, which allows all traffic. */
export function sandboxGroup(region: Pick<Region, 'network'>): string {
  return fixedId(region, 'sg', 'sandbox');
}

/** Creates the initial groups if they are missing. */
export async function ensureGroups(region: Region): Promise<void> {
  const id = defaultGroup(region);
  const fromGroup: Rule = {
    ...anyTraffic,
    id: fixedId(region, 'sgr', 'default'),
    egress: false,
    cidr: undefined,
    group: id,
  };
  const fromAnywhere: Rule = { ...anyTraffic, id: fixedId(region, 'sgr', 'sandbox'), egress: false };
  const outbound = (name: string): Rule => ({
    ...anyTraffic,
    id: fixedId(region, 'sgr', `${name}-out`),
    egress: true,
  });
  const initial: readonly Group[] = [
    {
      ...{ id, name: 'default', description: 'default VPC security group' },
      rules: [fromGroup, outbound('default')],
    },
    {
      ...{ id: sandboxGroup(region), name: 'sandbox', description: "The sandbox's own machines" },
      rules: [fromAnywhere, outbound('sandbox')],
    },
  ];
  for (const group of initial) {
    if (region.store.get(groups, group.id) === undefined) await region.store.put(groups, group.id, group);
  }
}

/** Finds a group by ID or name. @throws AwsError `InvalidGroup.NotFound` */
export function findGroup(
  region: Region,
  { id, name }: { id?: string | undefined; name?: string | undefined },
): Group {
  if (id === undefined && name === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter GroupName or GroupId');
  const found =
    id === undefined ? region.store.all(groups).find((it) => it.name === name) : region.store.get(groups, id);
  if (found === undefined)
    throw new AwsError('InvalidGroup.NotFound', `The security group '${id ?? name}' does not exist`);
  return found;
}

/** Returns IDs with names; a deleted group has no name. */
export function groupsById(region: Region, ids: readonly string[]) {
  return ids.map((GroupId) => ({ GroupId, GroupName: region.store.get(groups, GroupId)?.name }));
}

/** Names are unique in the VPC, so only one of two concurrent calls succeeds. */
export const createSecurityGroup: Action<CreateSecurityGroupRequest, CreateSecurityGroupResult> = async (
  input,
  region,
  faults,
) => {
  const { GroupName: name = '', Description: description = '', VpcId = vpcId(region) } = input;
  if (VpcId !== vpcId(region)) throw notFound('InvalidVpcID.NotFound', 'vpc ID')(VpcId);
  const allowed = /^[\w .:/()#,@[\]+=&;{}!$*-]{1,255}$/;
  if (!allowed.test(name) || name.startsWith('sg-'))
    throw new AwsError('InvalidParameterValue', `Value (${name}) for parameter GroupName is invalid.`);
  if (!allowed.test(description))
    throw new AwsError(
      'InvalidParameterValue',
      `Value (${description}) for parameter GroupDescription is invalid.`,
    );
  const tags = tagsFor(input.TagSpecifications, 'security-group');
  if (region.store.all(groups).some((other) => other.name === name))
    throw new AwsError(
      'InvalidGroup.Duplicate',
      `The security group '${name}' already exists for VPC '${VpcId}'`,
    );
  const id = newId('sg');
  const outbound = { ...anyTraffic, id: newId('sgr'), egress: true };
  const group = { id, name, description, rules: [outbound], ...hiddenUntil(region, faults) };
  await Promise.all([region.store.put(groups, id, group), addTags(region, id, tags)]);
  return { GroupId: id, SecurityGroupArn: arnOf(id), Tags: [...tags] };
};

function arnOf(id: string): string {
  return `arn:aws:ec2:${regionName}:${account}:security-group/${id}`;
}

export const describeSecurityGroups: Action<
  DescribeSecurityGroupsRequest,
  DescribeSecurityGroupsResult
> = async (input, region) => {
  const missing = notFound('InvalidGroup.NotFound', 'security group');
  const all = visible(region, region.store.all(groups), (group) => group);
  const named = selectByIds(all, input.GroupNames, ({ name }) => name, missing);
  const ruleValues = (egress: boolean, read: (rule: Rule) => string | undefined) => (group: Group) =>
    group.rules.filter((rule) => rule.egress === egress).map(read);
  const matching = applyFilters(
    selectByIds(named, input.GroupIds, ({ id }) => id, missing),
    input.Filters,
    {
      'group-id': ({ id }) => [id],
      'group-name': ({ name }) => [name],
      description: ({ description }) => [description],
      'vpc-id': () => [vpcId(region)],
      'owner-id': () => [account],
      'ip-permission.group-id': ruleValues(false, ({ group }) => group),
      'ip-permission.cidr': ruleValues(false, ({ cidr }) => cidr),
      'ip-permission.protocol': ruleValues(false, ({ protocol }) => protocol),
      'ip-permission.from-port': ruleValues(false, ({ from }) => String(from)),
      'ip-permission.to-port': ruleValues(false, ({ to }) => String(to)),
      'egress.ip-permission.group-id': ruleValues(true, ({ group }) => group),
      'egress.ip-permission.cidr': ruleValues(true, ({ cidr }) => cidr),
    },
    ({ id }) => tagsOf(region, id),
  );
  const { items, ...next } = paginate(matching, ({ id }) => id, input);
  return {
    SecurityGroups: items.map((group) => ({
      GroupId: group.id,
      GroupName: group.name,
      Description: group.description,
      VpcId: vpcId(region),
      OwnerId: account,
      SecurityGroupArn: arnOf(group.id),
      IpPermissions: permissions(group.rules.filter(({ egress }) => !egress)),
      IpPermissionsEgress: permissions(group.rules.filter(({ egress }) => egress)),
      Tags: [...tagsOf(region, group.id)],
    })),
    ...next,
  };
};

/** Fails while a network interface or a rule of another group uses the group. */
export const deleteSecurityGroup: Action<DeleteSecurityGroupRequest, DeleteSecurityGroupResult> = async (
  input,
  region,
) => {
  const group = findGroup(region, { id: input.GroupId, name: input.GroupName });
  if (group.id === defaultGroup(region) || group.id === sandboxGroup(region))
    throw new AwsError(
      'CannotDelete',
      `the specified group: "${group.id}" name: "${group.name}" cannot be deleted by a user`,
    );
  const inRule = region.store
    .all(groups)
    .some((other) => other.id !== group.id && other.rules.some((rule) => rule.group === group.id));
  const inInterface = region.store.all(interfaces).some((it) => it.groups.includes(group.id));
  if (inRule || inInterface) throw dependencyError(input);
  await Promise.all([region.store.remove(groups, group.id), removeTags(region, group.id)]);
  return { Return: true, GroupId: group.id };
};
