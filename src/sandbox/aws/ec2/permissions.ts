import type { IpPermission, SecurityGroupRule } from '@aws-sdk/client-ec2';
import { AwsError, account, type Region } from '../action.js';
import { type Group, groups, type Rule } from './documents.js';

/** A rule before it has an ID. */
export type NewRule = Omit<Rule, 'id'>;

/**
 * Converts permissions to rules, one for each source.
 * @throws AwsError if a protocol, port or address is invalid, or a group does not exist
 */
export function rulesFrom(
  region: Region,
  egress: boolean,
  permissions: readonly IpPermission[],
): readonly NewRule[] {
  return permissions.flatMap((permission) => {
    const base = { egress, ...ports(permission) };
    const sources: readonly Omit<NewRule, keyof typeof base>[] = [
      ...(permission.IpRanges ?? []).map((it) => ({
        cidr: ipv4Cidr(it.CidrIp),
        description: it.Description,
      })),
      ...(permission.Ipv6Ranges ?? []).map((it) => ({
        cidr6: ipv6Cidr(it.CidrIpv6),
        description: it.Description,
      })),
      ...(permission.PrefixListIds ?? []).map((it) => ({
        prefixList: it.PrefixListId,
        description: it.Description,
      })),
      ...(permission.UserIdGroupPairs ?? []).map((it) => ({
        group: groupOf(region, it.GroupId, it.GroupName),
        description: it.Description,
      })),
    ];
    if (sources.length === 0)
      throw new AwsError('MissingParameter', 'Either a source or a destination must be specified');
    return sources.map((source) => ({ ...base, ...source }));
  });
}

function groupOf(region: Region, id: string | undefined, name: string | undefined): string {
  const found = region.store.all(groups).find((it) => it.id === id || (id === undefined && it.name === name));
  if (found === undefined)
    throw new AwsError('InvalidGroup.NotFound', `The security group '${id ?? name}' does not exist`);
  return found.id;
}

const protocols: Readonly<Record<string, string>> = { '6': 'tcp', '17': 'udp', '1': 'icmp', '58': 'icmpv6' };

function ports({ IpProtocol = '', FromPort, ToPort }: IpPermission) {
  const name = IpProtocol.toLowerCase();
  const protocol = Object.hasOwn(protocols, name) ? (protocols[name] ?? name) : name;
  if (!/^(tcp|udp|icmp|icmpv6|-1|\d{1,3})$/.test(protocol))
    throw new AwsError('InvalidPermission.Malformed', `Invalid protocol '${IpProtocol}'`);
  if (!['tcp', 'udp', 'icmp', 'icmpv6'].includes(protocol)) return { protocol, from: -1, to: -1 };
  const [from, to] = [FromPort ?? Number.NaN, ToPort ?? Number.NaN];
  const lowest = protocol.startsWith('icmp') ? -1 : 0;
  const isValid = [from, to].every((port) => Number.isInteger(port) && port >= lowest && port <= 65_535);
  if (!isValid || (from > to && to !== -1))
    throw new AwsError(
      'InvalidParameterValue',
      `Invalid port range ${FromPort} to ${ToPort} for ${protocol}`,
    );
  return { protocol, from, to };
}

function ipv4Cidr(cidr = ''): string {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  const [bits = 33, ...bytes] = (match ?? []).slice(1).map(Number).reverse();
  if (bits > 32 || bytes.some((byte) => byte > 255))
    throw new AwsError('InvalidParameterValue', `CIDR block ${cidr} is malformed`);
  return cidr;
}

function ipv6Cidr(cidr = ''): string {
  if (!/^[0-9a-f:.]{2,45}\/(\d|\d\d|1[01]\d|12[0-8])$/i.test(cidr) || !cidr.includes(':'))
    throw new AwsError('InvalidParameterValue', `CIDR block ${cidr} is malformed`);
  return cidr;
}

/** Returns whether both rules allow the same traffic; ignores descriptions. */
export function isSameRule(a: NewRule, b: NewRule): boolean {
  const keys = ['egress', 'protocol', 'from', 'to', 'cidr', 'cidr6', 'prefixList', 'group'] as const;
  return keys.every((key) => a[key] === b[key]);
}

/** Merges rules with the same ports into permissions, as DescribeSecurityGroups does. */
export function permissions(rules: readonly Rule[]): IpPermission[] {
  const portsOf = ({ protocol, from, to }: Rule) => `${protocol} ${from} ${to}`;
  return [...new Set(rules.map(portsOf))].map((key) => {
    const group = rules.filter((rule) => portsOf(rule) === key);
    const [first] = group;
    const all = first?.protocol === '-1' || first === undefined;
    return {
      IpProtocol: first?.protocol,
      ...(all ? {} : { FromPort: first.from, ToPort: first.to }),
      IpRanges: group.flatMap(({ cidr: CidrIp, description: Description }) =>
        CidrIp === undefined ? [] : [{ CidrIp, Description }],
      ),
      Ipv6Ranges: group.flatMap(({ cidr6: CidrIpv6, description: Description }) =>
        CidrIpv6 === undefined ? [] : [{ CidrIpv6, Description }],
      ),
      PrefixListIds: group.flatMap(({ prefixList: PrefixListId, description: Description }) =>
        PrefixListId === undefined ? [] : [{ PrefixListId, Description }],
      ),
      UserIdGroupPairs: group.flatMap(({ group: GroupId, description: Description }) =>
        GroupId === undefined ? [] : [{ GroupId, Description, UserId: account }],
      ),
    };
  });
}

/** Returns a rule in the format of DescribeSecurityGroupRules. */
export function ruleResponse({ id: GroupId }: Pick<Group, 'id'>, rule: Rule): SecurityGroupRule {
  return {
    SecurityGroupRuleId: rule.id,
    GroupId,
    GroupOwnerId: account,
    IsEgress: rule.egress,
    IpProtocol: rule.protocol,
    FromPort: rule.from,
    ToPort: rule.to,
    CidrIpv4: rule.cidr,
    CidrIpv6: rule.cidr6,
    PrefixListId: rule.prefixList,
    ReferencedGroupInfo: rule.group === undefined ? undefined : { GroupId: rule.group, UserId: account },
    Description: rule.description,
  };
}
