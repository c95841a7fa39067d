import type {
  AuthorizeSecurityGroupEgressRequest,
  AuthorizeSecurityGroupIngressRequest,
  AuthorizeSecurityGroupIngressResult,
  DescribeSecurityGroupRulesRequest,
  DescribeSecurityGroupRulesResult,
  IpPermission,
  RevokeSecurityGroupIngressRequest,
  RevokeSecurityGroupIngressResult,
} from '@aws-sdk/client-ec2';
import { type Action, AwsError, type Region } from '../action.js';
import { type Group, groups } from './documents.js';
import { groupWith } from './groups.js';
import { newId } from './ids.js';
import { drafts, same, shownRule } from './permissions.js';
import { chosen, filtered, notFound, page } from './query.js';
import { addTags, tagsFor, tagsOf } from './tags.js';

/** What ingress and egress have in common; only ingress may name its group by name, and a permission by loose parts. */
type Asked = AuthorizeSecurityGroupEgressRequest &
  AuthorizeSecurityGroupIngressRequest &
  RevokeSecurityGroupIngressRequest;

/** Rules are added or, when one of them is there already, none is. */
export function authorize(egress: boolean): Action<Asked, AuthorizeSecurityGroupIngressResult> {
  return async (input, region) => {
    const group = groupWith(region, { id: input.GroupId, name: input.GroupName });
    const tags = tagsFor(input.TagSpecifications, 'security-group-rule');
    const wanted = drafts(region, egress, permissionsOf(input));
    const added = wanted.map((rule) => ({ id: newId('sgr'), ...rule }));
    for (const [index, rule] of added.entries()) {
      if ([...group.rules, ...added.slice(0, index)].some((other) => same(other, rule)))
        throw new AwsError(
          'InvalidPermission.Duplicate',
          `the specified rule "peer: ${rule.cidr ?? rule.cidr6 ?? rule.prefixList ?? rule.group}, ${rule.protocol}, from port: ${rule.from}, to port: ${rule.to}, ALLOW" already exists`,
        );
    }
    if (group.rules.length + added.length > 120)
      throw new AwsError(
        'RulesPerSecurityGroupLimitExceeded',
        'The maximum number of rules per security group has been reached.',
      );
    await Promise.all([
      region.store.put(groups, group.id, { ...group, rules: [...group.rules, ...added] }),
      ...added.map(({ id }) => addTags(region, id, tags)),
    ]);
    const shown = added.map((rule) => ({ ...shownRule(group, rule), Tags: [...tags] }));
    return { Return: true, SecurityGroupRules: shown };
  };
}

/** Rules are named by their IDs, or by what they permit; one that is not there fails the whole call. */
export function revoke(egress: boolean): Action<Asked, RevokeSecurityGroupIngressResult> {
  return async (input, region) => {
    const group = groupWith(region, { id: input.GroupId, name: input.GroupName });
    const byId = input.SecurityGroupRuleIds ?? [];
    const wanted = byId.length > 0 ? [] : drafts(region, egress, permissionsOf(input));
    const own = group.rules.filter((rule) => rule.egress === egress);
    for (const id of byId) {
      if (!own.some((rule) => rule.id === id))
        throw new AwsError(
          'InvalidSecurityGroupRuleId.NotFound',
          `The security group rule ID '${id}' does not exist`,
        );
    }
    for (const rule of wanted) {
      if (!own.some((other) => same(other, rule)))
        throw new AwsError(
          'InvalidPermission.NotFound',
          'The specified rule does not exist in this security group.',
        );
    }
    const gone = own.filter((rule) => byId.includes(rule.id) || wanted.some((other) => same(other, rule)));
    const rules = group.rules.filter((rule) => !gone.includes(rule));
    await region.store.put(groups, group.id, { ...group, rules });
    return { Return: true };
  };
}

/** The older way of saying one permission: its parts beside the group. */
function permissionsOf(input: Asked): readonly IpPermission[] {
  if (input.IpPermissions !== undefined && input.IpPermissions.length > 0) return input.IpPermissions;
  const { IpProtocol, FromPort, ToPort, CidrIp, SourceSecurityGroupName: GroupName } = input;
  if (IpProtocol === undefined && GroupName === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter IpPermissions');
  return [
    {
      ...(IpProtocol === undefined ? { IpProtocol: '-1' } : { IpProtocol, FromPort, ToPort }),
      ...(CidrIp === undefined ? {} : { IpRanges: [{ CidrIp }] }),
      ...(GroupName === undefined ? {} : { UserIdGroupPairs: [{ GroupName }] }),
    },
  ];
}

export const describeSecurityGroupRules: Action<
  DescribeSecurityGroupRulesRequest,
  DescribeSecurityGroupRulesResult
> = async (input, region) => {
  const all = region.store.all(groups).flatMap((group) => rulesOf(region, group));
  const missing = notFound('InvalidSecurityGroupRuleId.NotFound', 'security group rule ID');
  const matching = filtered(
    chosen(all, input.SecurityGroupRuleIds, (it) => it.SecurityGroupRuleId, missing),
    input.Filters,
    {
      'group-id': (it) => [it.GroupId],
      'security-group-rule-id': (it) => [it.SecurityGroupRuleId],
    },
    (it) => it.Tags,
  );
  const { shown, ...next } = page(matching, (it) => `${it.SecurityGroupRuleId}`, input);
  return { SecurityGroupRules: [...shown], ...next };
};

function rulesOf(region: Region, group: Group) {
  return group.rules.map((rule) => ({ ...shownRule(group, rule), Tags: [...tagsOf(region, rule.id)] }));
}
