import * as elb from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import { setProfile } from '../../../../../src/sandbox/aws/faults/profile.js';
import { setup } from './setup.js';

const errorNamed = (name: string) => expect.objectContaining({ name });

describe('a load balancer', () => {
  test('is created once for the same settings, and fails for others with its name', async () => {
    const { balancer, proxies, api, subnets } = await setup();
    const arn = await balancer('web');
    expect(await balancer('web', { Subnets: [...subnets].reverse() })).toBe(arn);
    expect(proxies.applied.size).toBe(1);
    await expect(balancer('web', { Scheme: 'internal' })).rejects.toEqual(
      errorNamed('DuplicateLoadBalancerNameException'),
    );
    const { LoadBalancers } = await api.send(new elb.DescribeLoadBalancersCommand({ Names: ['web'] }));
    expect(LoadBalancers).toMatchObject([
      { LoadBalancerArn: arn, DNSName: '10.213.7.61', State: { Code: 'active' }, Type: 'application' },
    ]);
  });

  test('leaves its target group in use for some seconds with the realistic profile', async () => {
    const { balancer, group, listener, api, region, clock } = await setup();
    await setProfile(region, { profile: 'realistic' });
    const [arn, target] = [await balancer(), await group()];
    await listener(arn, target);
    await api.send(new elb.DeleteLoadBalancerCommand({ LoadBalancerArn: arn }));
    const remove = () => api.send(new elb.DeleteTargetGroupCommand({ TargetGroupArn: target }));
    await expect(remove()).rejects.toEqual(errorNamed('ResourceInUseException'));
    clock.jump(11_000);
    await remove();
  });

  test('uses the lowest free address, and releases it with its listeners and rules when deleted', async () => {
    const { balancer, group, listener, proxies, api } = await setup();
    const first = await balancer('first');
    await balancer('second');
    const target = await group();
    await listener(first, target);
    const inUse = new elb.DeleteTargetGroupCommand({ TargetGroupArn: target });
    await expect(api.send(inUse)).rejects.toEqual(errorNamed('ResourceInUseException'));
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

  test('stores attributes, and cannot be deleted with deletion protection', async () => {
    const { balancer, proxies, api } = await setup();
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
      errorNamed('OperationNotPermittedException'),
    );
  });
});

describe('a target group', () => {
  test('is created once for the same settings, and fails for others with its name', async () => {
    const { group } = await setup();
    expect(await group('web')).toBe(await group('web'));
    await expect(group('web', { Port: 81 })).rejects.toEqual(errorNamed('DuplicateTargetGroupNameException'));
    await expect(group('web', { HealthCheckPath: '/up' })).rejects.toEqual(
      errorNamed('DuplicateTargetGroupNameException'),
    );
  });

  test.each([
    ['a name that ends with a hyphen', { Name: 'web-' }],
    ['a timeout as long as the interval', { HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 5 }],
    ['an interval below 5 s', { HealthCheckIntervalSeconds: 4 }],
    ['invalid codes', { Matcher: { HttpCode: '200-' } }],
    ['a path with a space', { HealthCheckPath: '/a b' }],
    ['another protocol', { Protocol: 'TCP' as const }],
  ])('rejects %s', async (_, wrong) => {
    const { group } = await setup();
    await expect(group('web', wrong)).rejects.toMatchObject({ name: 'ValidationError' });
  });

  test('has the default checks and delay of AWS', async () => {
    const { group, api } = await setup();
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
    const { group, balancer, listener } = await setup();
    const target = await group();
    await listener(await balancer('one'), target);
    await expect(listener(await balancer('other'), target)).rejects.toEqual(
      errorNamed('TargetGroupAssociationLimitException'),
    );
  });

  test('is listed in pages', async () => {
    const { group, api } = await setup();
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
    const { group, balancer, listener } = await setup();
    const [one, other, arn] = [await group('one'), await group('other'), await balancer()];
    expect(await listener(arn, one)).toBe(await listener(arn, one));
    await expect(listener(arn, other)).rejects.toEqual(errorNamed('DuplicateListenerException'));
  });

  test('lists rules by priority, the default rule last, which cannot be deleted', async () => {
    const { group, balancer, listener, api, proxies } = await setup();
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
    await expect(rule(10, '/c')).rejects.toEqual(errorNamed('PriorityInUseException'));
    await expect(rule(30, "/a' b")).rejects.toMatchObject({ name: 'ValidationError' });
    const { Rules = [] } = await api.send(new elb.DescribeRulesCommand({ ListenerArn }));
    expect(Rules.map(({ Priority }) => Priority)).toEqual(['10', '20', 'default']);
    const [first, , last] = Rules.map(({ RuleArn }) => new elb.DeleteRuleCommand({ RuleArn }));
    if (first === undefined || last === undefined) throw new Error('three rules');
    await expect(api.send(last)).rejects.toEqual(errorNamed('OperationNotPermittedException'));
    await api.send(first);
    await expect(api.send(first)).rejects.toEqual(errorNamed('RuleNotFoundException'));
    const [balanced] = proxies.applied.values();
    expect(balanced?.frontends[0]?.rules.map(({ conditions }) => conditions[0]?.values)).toEqual([['/b']]);
  });
});

describe('tags', () => {
  test('can be set on creation, added and removed, on any resource', async () => {
    const { group, balancer, listener, api } = await setup();
    const target = await group('web', { Tags: [{ Key: 'env', Value: 'a' }] });
    const arns = [target, await listener(await balancer(), target)];
    const add = { ResourceArns: arns, Tags: [{ Key: 'owner', Value: 'me' }] };
    await api.send(new elb.AddTagsCommand(add));
    await api.send(new elb.RemoveTagsCommand({ ResourceArns: [target], TagKeys: ['env'] }));
    const { TagDescriptions } = await api.send(new elb.DescribeTagsCommand({ ResourceArns: arns }));
    expect(TagDescriptions).toEqual(arns.map((ResourceArn) => ({ ResourceArn, Tags: add.Tags })));
    const missing = new elb.DescribeTagsCommand({ ResourceArns: [`${target}0`] });
    await expect(api.send(missing)).rejects.toEqual(errorNamed('TargetGroupNotFoundException'));
  });
});
