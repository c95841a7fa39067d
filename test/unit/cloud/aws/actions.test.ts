import { expect, it } from '@jest/globals';
import { iamPolicy } from '../../../../src/cloud/aws/actions.js';
import { fakeBalancer } from '../../../fakes/cloud.js';
import { setting } from './setting.js';

it('the policy allows exactly the called actions', async () => {
  const { api, cloud, behind, count } = await setting();
  behind.launch('i-1', { name: 'web-1' });
  const balancers = [fakeBalancer('shared')];
  behind.addGroup('web', { balancers });
  const group = behind.addGroup('api', { balancers });
  await cloud.instances(['i-1']);
  await cloud.instancesNamed(['web-1']);
  await cloud.tag(['i-1'], { 'oneclick:a': '1' });
  await cloud.untag(['i-1'], ['oneclick:a']);
  await cloud.targetGroups(['api']);
  await cloud.register(group, [{ id: 'i-1', port: 80 }]);
  await cloud.targets(group);
  await cloud.deregister(group, [{ id: 'i-1', port: 80 }]);
  await cloud.tune(group, { interval: 5_000, deregistrationDelay: 30_000 });
  await cloud.inboundRules(['sg-1']);
  api.close();

  const called = new Set([...Object.keys(count.of()), ...Object.keys(count.of(group))]);
  const sent = new Set(api.requests.map(({ action }) => action));
  const allowed = iamPolicy().Statement.flatMap(({ Action }) => Action);
  expect([...called].sort()).toEqual([...allowed].sort());
  expect([...sent].sort()).toEqual(allowed.map((action) => action.split(':')[1]).sort());
});

it('the policy restricts writes to target groups and to our instance tags', () => {
  const reading = /^\w+:Describe/;
  for (const { Action, Resource } of iamPolicy().Statement)
    expect(Action.every((action) => reading.test(action))).toBe(Resource === '*');
  expect(iamPolicy().Statement.at(-1)).toEqual({
    Sid: 'OneclickTagInstances',
    Effect: 'Allow',
    Action: ['ec2:CreateTags', 'ec2:DeleteTags'],
    Resource: 'arn:aws:ec2:*:*:instance/*',
    Condition: { 'ForAllValues:StringLike': { 'aws:TagKeys': ['oneclick*'] } },
  });
});
