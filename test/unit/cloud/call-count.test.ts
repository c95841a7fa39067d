import { expect, it } from '@jest/globals';
import { CallCount } from '../../fakes/call-count.js';

it('counts attempts by group and action', () => {
  const count = new CallCount();
  count.add({ action: 'elb:Register', group: 'web', attempts: 2 });
  count.add({ action: 'elb:Health', group: 'web', attempts: 1 });
  count.add({ action: 'elb:Register', group: 'web', attempts: 1 });
  count.add({ action: 'elb:Health', group: 'api', attempts: 1 });
  count.add({ action: 'ec2:Describe', attempts: 1 });
  expect(count.of('web')).toEqual({ 'elb:Health': 1, 'elb:Register': 3 });
  expect(count.of()).toEqual({ 'ec2:Describe': 1 });
  expect(count.of('nobody')).toEqual({});
  expect(count.groups).toEqual(['api', 'web']);
  expect(count.total).toBe(6);
});
