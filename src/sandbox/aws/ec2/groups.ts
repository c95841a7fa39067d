import type {
  CreateSecurityGroupRequest,
  CreateSecurityGroupResult,
  DeleteSecurityGroupRequest,
  DeleteSecurityGroupResult,
  DescribeSecurityGroupsRequest,
  DescribeSecurityGroupsResult,
} from '@aws-sdk/client-ec2';
import { type Action, AwsError, account, type Region, region as regionName } from '../action.js';
import { dependent } from '../faults/catalog.js';
import { found, hiddenUntil } from '../faults/profile.js';
import { type Group, groups, interfaces, type Rule } from './documents.js';
import { fixedId, newId } from './ids.js';
import { vpcId } from './layout.js';
import { permissions } from './permissions.js';
import { chosen, filtered, notFound, page } from './query.js';
import { addTags, removeTags, tagsFor, tagsOf } from './tags.js';

const everything = { protocol: '-1', from: -1, to: -1, cidr: '0.0.0.0/0' };

/** The group of who names none. */
export function defaultGroup(region: Pick<Region, 'network'>): string {
  return fixedId(region, 'sg', 'default');
}

/** The group of the sandbox's own machines, which lets everything in. */
export function ownGroup(region: Pick<Region, 'network'>): string {
  return fixedId(region, 'sg', 'sandbox');
}

/** Makes the groups that are there from the beginning. */
export async function ensureGroups(region: Region): Promise<void> {
  const id = defaultGroup(region);
  const within: Rule = {
    ...everything,
    id: fixedId(region, 'sgr', 'default'),
    egress: false,
    cidr: undefined,
    group: id,
  };
  const open: Rule = { ...everything, id: fixedId(region, 'sgr', 'sandbox'), egress: false };
  const out = (name: string): Rule => ({
    ...everything,
    id: fixedId(region, 'sgr', `${name}-out`),
    egress: true,
  });
  const made: readonly Group[] = [
    { id, name: 'default', description: 'default VPC security group', rules: [within, out('default')] },
    {
      ...{ id: ownGroup(region), name: 'sandbox', description: "The sandbox's own machines" },
      rules: [open, out('sandbox')],
    },
  ];
  for (const group of made) {
    if (region.store.get(groups, group.id) === undefined) await region.store.put(groups, group.id, group);
  }
}

/** @throws AwsError InvalidGroup.NotFound */
export function groupWith(
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

/** Groups as other things name them; of one that is gone the ID stays. */
export function groupsById(region: Region, ids: readonly string[]) {
  return ids.map((GroupId) => ({ GroupId, GroupName: region.store.get(groups, GroupId)?.name }));
}

/** Its name is the only one of its kind in the VPC, so that whoever makes a group first has it: two cannot. */
export const createSecurityGroup: Action<CreateSecurityGroupRequest, CreateSecurityGroupResult> = async (
  input,
  region,
  struck,
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
  const out = { ...everything, id: newId('sgr'), egress: true };
  await Promise.all([
    region.store.put(groups, id, { id, name, description, rules: [out], ...hiddenUntil(region, struck) }),
    addTags(region, id, tags),
  ]);
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
  const all = found(region, region.store.all(groups), (group) => group);
  const named = chosen(all, input.GroupNames, ({ name }) => name, missing);
  const facet = (egress: boolean, look: (rule: Rule) => string | undefined) => (group: Group) =>
    group.rules.filter((rule) => rule.egress === egress).map(look);
  const matching = filtered(
    chosen(named, input.GroupIds, ({ id }) => id, missing),
    input.Filters,
    {
      'group-id': ({ id }) => [id],
      'group-name': ({ name }) => [name],
      description: ({ description }) => [description],
      'vpc-id': () => [vpcId(region)],
      'owner-id': () => [account],
      'ip-permission.group-id': facet(false, ({ group }) => group),
      'ip-permission.cidr': facet(false, ({ cidr }) => cidr),
      'ip-permission.protocol': facet(false, ({ protocol }) => protocol),
      'ip-permission.from-port': facet(false, ({ from }) => String(from)),
      'ip-permission.to-port': facet(false, ({ to }) => String(to)),
      'egress.ip-permission.group-id': facet(true, ({ group }) => group),
      'egress.ip-permission.cidr': facet(true, ({ cidr }) => cidr),
    },
    ({ id }) => tagsOf(region, id),
  );
  const { shown, ...next } = page(matching, ({ id }) => id, input);
  return {
    SecurityGroups: shown.map((group) => ({
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

/** Refused as long as something has the group, or a rule of another group names it. */
export const deleteSecurityGroup: Action<DeleteSecurityGroupRequest, DeleteSecurityGroupResult> = async (
  input,
  region,
) => {
  const group = groupWith(region, { id: input.GroupId, name: input.GroupName });
  if (group.id === defaultGroup(region) || group.id === ownGroup(region))
    throw new AwsError(
      'CannotDelete',
      `the specified group: "${group.id}" name: "${group.name}" cannot be deleted by a user`,
    );
  const named = region.store
    .all(groups)
    .some((other) => other.id !== group.id && other.rules.some((rule) => rule.group === group.id));
  const had = region.store.all(interfaces).some((it) => it.groups.includes(group.id));
  if (named || had) throw dependent(input);
  await Promise.all([region.store.remove(groups, group.id), removeTags(region, group.id)]);
  return { Return: true, GroupId: group.id };
};
