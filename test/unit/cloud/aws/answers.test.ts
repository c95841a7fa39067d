import { describe, expect, it } from '@jest/globals';
import { fakeBalancer } from '../../../fakes/cloud.js';
import { failure, setting } from './setting.js';

const ec2 = (action: string, body: string) => ({
  status: 200,
  body: `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${body}</${action}Response>`,
});
const elb = (action: string, body: string) => ({
  status: 200,
  body: `<${action}Response xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><${action}Result>${body}</${action}Result></${action}Response>`,
});

describe('a partial response', () => {
  it('without a list is empty', async () => {
    const { api, cloud, behind } = await setting();
    const group = behind.addGroup('web');
    api.replyOnce('DescribeInstances', ec2('DescribeInstances', ''), 1);
    api.replyOnce('DescribeSecurityGroupRules', ec2('DescribeSecurityGroupRules', ''), 1);
    api.replyOnce('DescribeTargetHealth', elb('DescribeTargetHealth', ''), 1);
    expect(await cloud.instances(['i-1'])).toEqual([]);
    expect(await cloud.inboundRules(['sg-1'])).toEqual([]);
    expect(await cloud.targets(group)).toEqual([]);
    api.close();
  });

  it('returns instances with missing properties', async () => {
    const { api, cloud } = await setting();
    const items =
      '<item><instanceId>i-1</instanceId></item><item/><item><instanceId>i-2</instanceId><instanceState><name>dreaming</name></instanceState></item>';
    api.replyOnce(
      'DescribeInstances',
      ec2(
        'DescribeInstances',
        `<reservationSet><item/><item><instancesSet>${items}</instancesSet></item></reservationSet>`,
      ),
    );
    const bare = { state: 'pending', securityGroups: [], tags: {} };
    expect(await cloud.instances(['i-1', 'i-2'])).toEqual([
      { ...bare, id: 'i-1', reason: 'unknown state (none)' },
      { ...bare, id: 'i-2', reason: 'unknown state dreaming' },
    ]);
    api.close();
  });

  it('treats targets in unknown states as unavailable, and skips those without a port', async () => {
    const { api, cloud } = await setting();
    const health = (id: string, port: string, state: string) =>
      `<member><Target><Id>${id}</Id>${port}</Target><TargetHealth><State>${state}</State></TargetHealth></member>`;
    const members = [
      health('i-1', '<Port>80</Port>', 'sulking'),
      health('lambda', '', 'healthy'),
      '<member/>',
      health('i-2', '<Port>80</Port>', 'unhealthy.draining'),
    ];
    api.replyOnce(
      'DescribeTargetHealth',
      elb('DescribeTargetHealth', `<TargetHealthDescriptions>${members.join('')}</TargetHealthDescriptions>`),
    );
    expect(await cloud.targets('arn:aws:web')).toEqual([
      { id: 'i-1', port: 80, state: 'unavailable', reason: 'unknown state sulking' },
      { id: 'i-2', port: 80, state: 'unhealthy' },
    ]);
    api.close();
  });

  it("gives a target group AWS's default settings, and no unknown load balancer", async () => {
    const { api, cloud } = await setting();
    const arn = 'arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/web/0';
    const member = `<member><TargetGroupArn>${arn}</TargetGroupArn><LoadBalancerArns><member>arn:gone</member></LoadBalancerArns></member>`;
    api.replyOnce(
      'DescribeTargetGroups',
      elb('DescribeTargetGroups', `<TargetGroups>${member}</TargetGroups>`),
    );
    api.replyOnce('DescribeTargetGroupAttributes', elb('DescribeTargetGroupAttributes', ''));
    expect(await cloud.targetGroups([arn])).toEqual([
      {
        arn,
        name: arn,
        protocol: '',
        settings: {
          healthCheck: {
            interval: 30_000,
            timeout: 5_000,
            healthyThreshold: 5,
            unhealthyThreshold: 2,
            port: 'traffic-port',
          },
          deregistrationDelay: 300_000,
          slowStart: 0,
          stickiness: false,
        },
        balancers: [],
      },
    ]);
    api.close();
  });

  it('without a requested group fails as AWS should have', async () => {
    const { api, cloud, behind } = await setting();
    behind.addGroup('web');
    api.replyOnce('DescribeTargetGroups', elb('DescribeTargetGroups', ''), 1);
    expect(await failure(cloud.targetGroups(['wbe']))).toMatchObject({
      code: 'cloud.no-group',
      hint: expect.stringContaining('did you mean web?'),
    });
    api.close();
  });
});

describe('a long response', () => {
  it('reads groups in pages of 400, and lists only some of 1,001', async () => {
    const { api, cloud, behind } = await setting();
    for (let n = 0; n <= 1_000; n += 1) behind.addGroup(`service-${n}`);
    const failed = await failure(cloud.targetGroups(['gone']));
    expect(failed).toMatchObject({ code: 'cloud.no-group', hint: expect.stringContaining('and 981 more') });
    const pages = api.requests.filter(({ form }) => form.has('PageSize'));
    expect(pages.map(({ form }) => form.get('Marker'))).toContain('800');
    expect(pages.every(({ form }) => form.get('PageSize') === '400')).toBe(true);
    api.close();
  });

  it('requests groups by name 20 at a time', async () => {
    const { api, cloud, behind } = await setting();
    const names = Array.from({ length: 45 }, (_, n) => `service-${n}`);
    for (const name of names) behind.addGroup(name, { balancers: [] });
    expect((await cloud.targetGroups(names)).map(({ name }) => name)).toEqual(names);
    const asked = api.requests.filter(({ action }) => action === 'DescribeTargetGroups');
    expect(
      asked.map(({ form }) => [...form.keys()].filter((key) => key.startsWith('Names.')).length),
    ).toEqual([20, 20, 5]);
    api.close();
  });

  it('requests instances by filter 200 at a time, and reads every page', async () => {
    const { api, cloud, behind } = await setting();
    const ids = Array.from({ length: 1_050 }, (_, n) => `i-${n}`);
    for (const id of ids) behind.launch(id);
    const first = '<reservationSet/><nextToken>more</nextToken>';
    api.replyOnce('DescribeInstances', ec2('DescribeInstances', first), 1);
    expect(await cloud.instances(ids)).toHaveLength(1_050);
    expect(api.requests.map(({ form }) => form.get('NextToken'))).toEqual([
      null,
      'more',
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(api.requests.every(({ form }) => form.get('Filter.1.Name') === 'instance-id')).toBe(true);
    api.close();
  });

  it('stops at a repeated mark', async () => {
    const { api, cloud } = await setting();
    const again = '<reservationSet/><nextToken>again</nextToken>';
    api.replyOnce('DescribeInstances', ec2('DescribeInstances', again), 9);
    expect(await cloud.instances(['i-1'])).toEqual([]);
    expect(api.requests).toHaveLength(2);
    api.close();
  });
});

describe('a call', () => {
  it('is not sent for an empty list', async () => {
    const { api, cloud } = await setting();
    await cloud.instances([]);
    await cloud.targetGroups([]);
    await cloud.inboundRules([]);
    await cloud.tag(['i-1'], {});
    await cloud.untag([], ['oneclick:a']);
    await cloud.register('arn', []);
    await cloud.deregister('arn', []);
    await cloud.tune('arn', {});
    expect(api.requests).toEqual([]);
    api.close();
  });

  it('finds a name with a literal star', async () => {
    const { api, cloud } = await setting();
    await cloud.instancesNamed(['web-*?\\']);
    expect(api.requests[0]?.form.get('Filter.1.Value.1')).toBe('web-\\*\\?\\\\');
    api.close();
  });

  it('returns the rules of a listener in their order, as each group sees them', async () => {
    const { api, cloud, behind } = await setting();
    const shared = fakeBalancer('shared', { listeners: [{ protocol: 'HTTPS', port: 443 }] });
    for (const name of ['web', 'api', 'admin']) behind.addGroup(name, { balancers: [shared] });
    const [web, apiGroup] = await cloud.targetGroups(['web', 'api']);
    const rules = (...actions: readonly string[]) => [
      { conditions: [{ kind: 'path', values: ['/api/*'] }], action: actions[0] },
      { conditions: [{ kind: 'path', values: ['/admin/*'] }], action: 'other' },
      { conditions: [], action: actions[1] },
    ];
    const listener = { protocol: 'HTTPS', port: 443 };
    expect(web?.balancers[0]?.listeners).toEqual([{ ...listener, rules: rules('other', 'forward') }]);
    expect(apiGroup?.balancers[0]?.listeners).toEqual([{ ...listener, rules: rules('forward', 'other') }]);
    expect(api.requests.filter(({ action }) => action === 'DescribeRules')).toHaveLength(1);
    api.close();
  });

  it('reads no rules of a network load balancer, which has none', async () => {
    const { api, cloud, behind } = await setting();
    const listeners = [{ protocol: 'TCP', port: 80 }];
    behind.addGroup('web', { balancers: [fakeBalancer('web', { kind: 'network', listeners })] });
    expect((await cloud.targetGroups(['web']))[0]?.balancers[0]?.listeners).toEqual(listeners);
    expect(api.requests.filter(({ action }) => action === 'DescribeRules')).toEqual([]);
    api.close();
  });

  it("rejects with the signal's reason between attempts, and sends no more", async () => {
    const stop = new AbortController();
    const onWaiting = () => stop.abort(new Error('enough'));
    const { api, cloud } = await setting({ signal: stop.signal, onWaiting });
    api.replyOnce('DescribeTargetHealth', { status: 503, body: '' }, 9);
    expect(await failure(cloud.targets('arn'))).toMatchObject({ message: 'enough' });
    expect(await failure(cloud.instances(['i-1']))).toMatchObject({ message: 'enough' });
    expect(api.requests).toHaveLength(1);
    api.close();
  });

  it("rejects with the signal's reason while it hangs", async () => {
    const stop = new AbortController();
    const { api, cloud, behind } = await setting({ signal: stop.signal });
    const group = behind.addGroup('web');
    behind.faults.before('targets', () => {
      stop.abort(new Error('enough'));
      return new Promise(() => undefined);
    });
    expect(await failure(cloud.targets(group))).toMatchObject({ message: 'enough' });
    api.close();
  });

  it('is counted with all attempts', async () => {
    const { api, cloud, behind, count } = await setting();
    const group = behind.addGroup('web');
    api.replyOnce('DescribeTargetHealth', { status: 503, body: '' }, 2);
    await cloud.targets(group);
    await cloud.instances(['i-1']);
    expect(count.of(group)).toEqual({ 'elasticloadbalancing:DescribeTargetHealth': 3 });
    expect(count.of()).toEqual({ 'ec2:DescribeInstances': 1 });
    api.close();
  });

  it('is sent at most five times a second to Elastic Load Balancing, and ten times to EC2', async () => {
    const { api, cloud, behind, hurried } = await setting();
    const group = behind.addGroup('web');
    for (let n = 0; n < 15; n += 1) await cloud.targets(group);
    expect(hurried.monotonic()).toBeCloseTo(2_000);
    for (let n = 0; n < 30; n += 1) await cloud.instances(['i-1']);
    expect(hurried.monotonic()).toBeCloseTo(4_000);
    api.close();
  });
});
