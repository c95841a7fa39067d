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
import { findGroup } from './groups.js';
import { newId } from './ids.js';
import { isSameRule, ruleResponse, rulesFrom } from './permissions.js';
import { applyFilters, notFound, paginate, selectByIds } from './query.js';
import { addTags, tagsFor, tagsOf } from './tags.js';

/** Only ingress accepts a group name and a permission as separate fields. */
type RuleRequest = AuthorizeSecurityGroupEgressRequest &
  AuthorizeSecurityGroupIngressRequest &
  RevokeSecurityGroupIngressRequest;

/** Adds rules; adds none if one of them exists. */
export function authorize(egress: boolean): Action<RuleRequest, AuthorizeSecurityGroupIngressResult> {
  return async (input, region) => {
    const group = findGroup(region, { id: input.GroupId, name: input.GroupName });
    const tags = tagsFor(input.TagSpecifications, 'security-group-rule');
    const wanted = rulesFrom(region, egress, permissionsOf(input));
    const added = wanted.map((rule) => ({ id: newId('sgr'), ...rule }));
    for (const [index, rule] of added.entries()) {
      if ([...group.rules, ...added.slice(0, index)].some((other) => isSameRule(other, rule)))
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
    const responses = added.map((rule) => ({ ...ruleResponse(group, rule), Tags: [...tags] }));
    return { Return: true, SecurityGroupRules: responses };
  };
}

/** Revokes rules by ID or by permission; a missing rule fails the whole call. */
export function revoke(egress: boolean): Action<RuleRequest, RevokeSecurityGroupIngressResult> {
  return async (input, region) => {
    const group = findGroup(region, { id: input.GroupId, name: input.GroupName });
    const byId = input.SecurityGroupRuleIds ?? [];
    const wanted = byId.length > 0 ? [] : rulesFrom(region, egress, permissionsOf(input));
    const own = group.rules.filter((rule) => rule.egress === egress);
    for (const id of byId) {
      if (!own.some((rule) => rule.id === id))
        throw new AwsError(
          'InvalidSecurityGroupRuleId.NotFound',
          `The security group rule ID '${id}' does not exist`,
        );
    }
    for (const rule of wanted) {
      if (!own.some((other) => isSameRule(other, rule)))
        throw new AwsError(
          'InvalidPermission.NotFound',
          'The specified rule does not exist in this security group.',
        );
    }
    const revoked = own.filter(
      (rule) => byId.includes(rule.id) || wanted.some((other) => isSameRule(other, rule)),
    );
    const rules = group.rules.filter((rule) => !revoked.includes(rule));
    await region.store.put(groups, group.id, { ...group, rules });
    return { Return: true };
  };
}

/** Also accepts the older form: one permission as separate fields. */
function permissionsOf(input: RuleRequest): readonly IpPermission[] {
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
  const matching = applyFilters(
    selectByIds(all, input.SecurityGroupRuleIds, (it) => it.SecurityGroupRuleId, missing),
    input.Filters,
    {
      'group-id': (it) => [it.GroupId],
      'security-group-rule-id': (it) => [it.SecurityGroupRuleId],
    },
    (it) => it.Tags,
  );
  const { items, ...next } = paginate(matching, (it) => `${it.SecurityGroupRuleId}`, input);
  return { SecurityGroupRules: [...items], ...next };
};

function rulesOf(region: Region, group: Group) {
  return group.rules.map((rule) => ({ ...ruleResponse(group, rule), Tags: [...tagsOf(region, rule.id)] }));
}
