import type { IpPermission, SecurityGroupRule } from '@aws-sdk/client-ec2';
import { AwsError, account, type Region } from '../action.js';
import { type Group, groups, type Rule } from './documents.js';

/** A rule before it has an ID. */
export type Draft = Omit<Rule, 'id'>;

/**
 * The rules that permissions stand for: one for each source.
 * @throws AwsError for protocols, ports and addresses that there are not, and for groups that do not exist
 */
export function drafts(region: Region, egress: boolean, given: readonly IpPermission[]): readonly Draft[] {
  return given.flatMap((permission) => {
    const base = { egress, ...ports(permission) };
    const sources: readonly Omit<Draft, keyof typeof base>[] = [
      ...(permission.IpRanges ?? []).map((it) => ({ cidr: range4(it.CidrIp), description: it.Description })),
      ...(permission.Ipv6Ranges ?? []).map((it) => ({
        cidr6: range6(it.CidrIpv6),
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
  const named = IpProtocol.toLowerCase();
  const protocol = Object.hasOwn(protocols, named) ? (protocols[named] ?? named) : named;
  if (!/^(tcp|udp|icmp|icmpv6|-1|\d{1,3})$/.test(protocol))
    throw new AwsError('InvalidPermission.Malformed', `Invalid protocol '${IpProtocol}'`);
  if (!['tcp', 'udp', 'icmp', 'icmpv6'].includes(protocol)) return { protocol, from: -1, to: -1 };
  const [from, to] = [FromPort ?? Number.NaN, ToPort ?? Number.NaN];
  const least = protocol.startsWith('icmp') ? -1 : 0;
  const fits = [from, to].every((port) => Number.isInteger(port) && port >= least && port <= 65_535);
  if (!fits || (from > to && to !== -1))
    throw new AwsError(
      'InvalidParameterValue',
      `Invalid port range ${FromPort} to ${ToPort} for ${protocol}`,
    );
  return { protocol, from, to };
}

function range4(cidr = ''): string {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  const [bits = 33, ...bytes] = (match ?? []).slice(1).map(Number).reverse();
  if (bits > 32 || bytes.some((byte) => byte > 255))
    throw new AwsError('InvalidParameterValue', `CIDR block ${cidr} is malformed`);
  return cidr;
}

function range6(cidr = ''): string {
  if (!/^[0-9a-f:.]{2,45}\/(\d|\d\d|1[01]\d|12[0-8])$/i.test(cidr) || !cidr.includes(':'))
    throw new AwsError('InvalidParameterValue', `CIDR block ${cidr} is malformed`);
  return cidr;
}

/** Whether both let the same in (or out), from the same source; what they are described by does not count. */
export function same(a: Draft, b: Draft): boolean {
  const keys = ['egress', 'protocol', 'from', 'to', 'cidr', 'cidr6', 'prefixList', 'group'] as const;
  return keys.every((key) => a[key] === b[key]);
}

/** Rules as DescribeSecurityGroups shows them: what has the same ports is one permission. */
export function permissions(rules: readonly Rule[]): IpPermission[] {
  const portsOf = ({ protocol, from, to }: Rule) => `${protocol} ${from} ${to}`;
  return [...new Set(rules.map(portsOf))].map((key) => {
    const together = rules.filter((rule) => portsOf(rule) === key);
    const [first] = together;
    const all = first?.protocol === '-1' || first === undefined;
    return {
      IpProtocol: first?.protocol,
      ...(all ? {} : { FromPort: first.from, ToPort: first.to }),
      IpRanges: together.flatMap(({ cidr: CidrIp, description: Description }) =>
        CidrIp === undefined ? [] : [{ CidrIp, Description }],
      ),
      Ipv6Ranges: together.flatMap(({ cidr6: CidrIpv6, description: Description }) =>
        CidrIpv6 === undefined ? [] : [{ CidrIpv6, Description }],
      ),
      PrefixListIds: together.flatMap(({ prefixList: PrefixListId, description: Description }) =>
        PrefixListId === undefined ? [] : [{ PrefixListId, Description }],
      ),
      UserIdGroupPairs: together.flatMap(({ group: GroupId, description: Description }) =>
        GroupId === undefined ? [] : [{ GroupId, Description, UserId: account }],
      ),
    };
  });
}

/** A rule as DescribeSecurityGroupRules shows it. */
export function shownRule({ id: GroupId }: Pick<Group, 'id'>, rule: Rule): SecurityGroupRule {
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
