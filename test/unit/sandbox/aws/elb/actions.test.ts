import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import { setProfile } from '../../../../../src/sandbox/aws/faults/profile.js';
import { setting } from './setting.js';

const refused = (name: string) => expect.objectContaining({ name });

describe('a load balancer', () => {
  test('is made once for the same settings, and refused for others under its name', async () => {
    const { balancer, proxies, api, subnets } = await setting();
    const arn = await balancer('web');
    expect(await balancer('web', { Subnets: [...subnets].reverse() })).toBe(arn);
    expect(proxies.applied.size).toBe(1);
    await expect(balancer('web', { Scheme: 'internal' })).rejects.toEqual(
      refused('DuplicateLoadBalancerNameException'),
    );
    const { LoadBalancers } = await api.send(new elb.DescribeLoadBalancersCommand({ Names: ['web'] }));
    expect(LoadBalancers).toMatchObject([
      { LoadBalancerArn: arn, DNSName: '10.213.7.61', State: { Code: 'active' }, Type: 'application' },
    ]);
  });

  test('leaves its target group in use for some seconds, where the profile is realistic', async () => {
    const { balancer, group, listener, api, region, clock } = await setting();
    await setProfile(region, { profile: 'realistic' });
    const [arn, target] = [await balancer(), await group()];
    await listener(arn, target);
    await api.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn: arn }));
    const remove = () => api.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn: target }));
    await expect(remove()).rejects.toEqual(refused('ResourceInUseException'));
    clock.jump(11_000);
    await remove();
  });

  test('takes the lowest free address, and leaves it with its listeners and rules', async () => {
    const { balancer, group, listener, proxies, api } = await setting();
    const first = await balancer('first');
    await balancer('second');
    const target = await group();
    await listener(first, target);
    const inUse = new elb.DeleteTargetGroupCommand({ TargetGroupArn: target });
    await expect(api.send(inUse)).rejects.toEqual(refused('ResourceInUseException'));
    await api.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn: first }));
    await api.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn: first }));
    expect(proxies.removed).toEqual(['first']);
    await api.send(inUse);
    await balancer('third');
    expect([...proxies.applied.values()].map(({ address }) => address).sort()).toEqual([
      '10.213.7.61',
      '10.213.7.62',
    ]);
  });

  test('keeps attributes, and is not deleted while one forbids it', async () => {
    const { balancer, proxies, api } = await setting();
    const LoadBalancerArn = await balancer();
    const set = (Key: string, Value: string) =>
      api.send(
        new elb.ModifyLoadBalancerAttributesCommand({ LoadBalancerArn, Attributes: [{ Key, Value }] }),
      );
    await set('idle_timeout.timeout_seconds', '7');
    expect([...proxies.applied.values()].map(({ idle }) => idle)).toEqual([7]);
    await expect(set('idle', '7')).rejects.toMatchObject({ name: 'ValidationError' });
    await set('deletion_protection.enabled', 'true');
    await expect(api.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn }))).rejects.toEqual(
      refused('OperationNotPermittedException'),
    );
  });
});

describe('a target group', () => {
  test('is made once for the same settings, and refused for others under its name', async () => {
    const { group } = await setting();
    expect(await group('web')).toBe(await group('web'));
    await expect(group('web', { Port: 81 })).rejects.toEqual(refused('DuplicateTargetGroupNameException'));
    await expect(group('web', { HealthCheckPath: '/up' })).rejects.toEqual(
      refused('DuplicateTargetGroupNameException'),
    );
  });

  test.each([
    ['a name that ends with a hyphen', { Name: 'web-' }],
    ['a timeout as long as the interval', { HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 5 }],
    ['an interval below 5 s', { HealthCheckIntervalSeconds: 4 }],
    ['codes that are none', { Matcher: { HttpCode: '200-' } }],
    ['a path with a space', { HealthCheckPath: '/a b' }],
    ['another protocol', { Protocol: 'TCP' as const }],
  ])('does not take %s', async (_, wrong) => {
    const { group } = await setting();
    await expect(group('web', wrong)).rejects.toMatchObject({ name: 'ValidationError' });
  });

  test('has the checks and the delay that AWS takes when nothing is said', async () => {
    const { group, api } = await setting();
    const TargetGroupArn = await group();
    const described = await api.send(
      new elb.DescribeTargetGroupsCommand({ TargetGroupArns: [TargetGroupArn] }),
    );
    expect(described.TargetGroups).toMatchObject([
      {
        ...{ HealthCheckIntervalSeconds: 30, HealthCheckTimeoutSeconds: 5, HealthyThresholdCount: 5 },
        ...{ UnhealthyThresholdCount: 2, HealthCheckPort: 'traffic-port', Matcher: { HttpCode: '200' } },
      },
    ]);
    const { Attributes } = await api.send(new elb.DescribeTargetGroupAttributesCommand({ TargetGroupArn }));
    expect(Attributes).toContainEqual({ Key: 'deregistration_delay.timeout_seconds', Value: '300' });
  });

  test('belongs to one load balancer', async () => {
    const { group, balancer, listener } = await setting();
    const target = await group();
    await listener(await balancer('one'), target);
    await expect(listener(await balancer('other'), target)).rejects.toEqual(
      refused('TargetGroupAssociationLimitException'),
    );
  });

  test('is described in pages', async () => {
    const { group, api } = await setting();
    for (const name of ['a', 'b', 'c']) await group(name);
    const first = await api.send(new elb.DescribeTargetGroupsCommand({ PageSize: 2 }));
    const rest = new elb.DescribeTargetGroupsCommand({ PageSize: 2, Marker: first.NextMarker });
    const second = await api.send(rest);
    const names = [first, second].map((page) => page.TargetGroups?.map((it) => it.TargetGroupName));
    expect([names, second.NextMarker]).toEqual([[['a', 'b'], ['c']], undefined]);
  });
});

describe('a listener', () => {
  test('is the only one on its port', async () => {
    const { group, balancer, listener } = await setting();
    const [one, other, arn] = [await group('one'), await group('other'), await balancer()];
    expect(await listener(arn, one)).toBe(await listener(arn, one));
    await expect(listener(arn, other)).rejects.toEqual(refused('DuplicateListenerException'));
  });

  test('has rules by priority, the default one last, which stays', async () => {
    const { group, balancer, listener, api, proxies } = await setting();
    const TargetGroupArn = await group();
    const ListenerArn = await listener(await balancer(), TargetGroupArn);
    const rule = (Priority: number, value: string) =>
      api.send(
        new elb.CreateRuleCommand({
          ...{ ListenerArn, Priority, Actions: [{ Type: 'forward', TargetGroupArn }] },
          Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [value] } }],
        }),
      );
    await rule(20, '/b');
    await rule(10, '/a');
    await expect(rule(10, '/c')).rejects.toEqual(refused('PriorityInUseException'));
    await expect(rule(30, "/a' b")).rejects.toMatchObject({ name: 'ValidationError' });
    const { Rules = [] } = await api.send(new elb.DescribeRulesCommand({ ListenerArn }));
    expect(Rules.map(({ Priority }) => Priority)).toEqual(['10', '20', 'default']);
    const [first, , last] = Rules.map(({ RuleArn }) => new elb.DeleteRuleCommand({ RuleArn }));
    if (first === undefined || last === undefined) throw new Error('three rules');
    await expect(api.send(last)).rejects.toEqual(refused('OperationNotPermittedException'));
    await api.send(first);
    await expect(api.send(first)).rejects.toEqual(refused('RuleNotFoundException'));
    const [balanced] = proxies.applied.values();
    expect(balanced?.fronts[0]?.rules.map(({ conditions }) => conditions[0]?.values)).toEqual([['/b']]);
  });
});

describe('tags', () => {
  test('are given at birth, added and removed, on whatever has an ARN', async () => {
    const { group, balancer, listener, api } = await setting();
    const target = await group('web', { Tags: [{ Key: 'env', Value: 'a' }] });
    const arns = [target, await listener(await balancer(), target)];
    const add = { ResourceArns: arns, Tags: [{ Key: 'owner', Value: 'me' }] };
    await api.send(new elb.AddTagsCommand(add));
    await api.send(new elb.RemoveTagsCommand({ ResourceArns: [target], TagKeys: ['env'] }));
    const { TagDescriptions } = await api.send(new elb.DescribeTagsCommand({ ResourceArns: arns }));
    expect(TagDescriptions).toEqual(arns.map((ResourceArn) => ({ ResourceArn, Tags: add.Tags })));
    const missing = new elb.DescribeTagsCommand({ ResourceArns: [`${target}0`] });
    await expect(api.send(missing)).rejects.toEqual(refused('TargetGroupNotFoundException'));
  });
});
