import * as EC2 from '@aws-sdk/client-ec2';
import * as ELB from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import { AwsError } from '../../../../src/sandbox/aws/action.js';
import { type Actions, handleRequest, type Services } from '../../../../src/sandbox/aws/wire.js';
import { clients, emptyRegion } from './region.js';

/** Services whose actions record their inputs. */
async function setup(act: (input: object) => object = () => ({})) {
  const region = await emptyRegion();
  const inputs: object[] = [];
  const action = async (input: object) => {
    inputs.push(input);
    return act(input);
  };
  const all: Actions = {
    ...{ DescribeInstances: action, RunInstances: action, DeleteKeyPair: action, CreateTargetGroup: action },
    ...{ DeleteTargetGroup: action, RegisterTargets: action, DescribeTargetHealth: action },
  };
  const services: Services = {
    ec2: {
      ...{ protocol: 'ec2Query', version: '2016-11-15', schemas: { ...EC2 }, actions: all },
      namespace: 'http://ec2.amazonaws.com/doc/2016-11-15/',
    },
    elasticloadbalancing: {
      ...{ protocol: 'awsQuery', version: '2015-12-01', schemas: { ...ELB }, actions: all },
      namespace: 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
    },
  };
  const scope = (service: string) =>
    `AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`;
  const ask = (form: string, authorization: string | undefined = scope('ec2')) =>
    handleRequest(services, region, { authorization, form });
  return { region, inputs, ask, scope, services, ...clients(services, region) };
}

describe('the SDK', () => {
  test('sends flat lists, structures, numbers and booleans to EC2', async () => {
    const { ec2, inputs } = await setup();
    const input = {
      MinCount: 1,
      MaxCount: 2,
      SecurityGroupIds: ['sg-1', 'sg-2'],
      NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false, Groups: ['sg-1'] }],
      TagSpecifications: [{ ResourceType: 'instance' as const, Tags: [{ Key: 'a.b&c', Value: 'ä' }] }],
      ClientToken: 'once',
    };
    await ec2.send(new EC2.RunInstancesCommand(input));
    expect(inputs).toEqual([input]);
  });

  test('sends member lists, also empty ones, to load balancing', async () => {
    const { elb, inputs } = await setup();
    const input = { TargetGroupArn: 'arn', Targets: [{ Id: 'i-1', Port: 80 }, { Id: 'i-2' }] };
    await elb.send(new ELB.RegisterTargetsCommand(input));
    await elb.send(new ELB.RegisterTargetsCommand({ ...input, Targets: [] }));
    expect(inputs).toEqual([input, { ...input, Targets: [] }]);
  });

  test('reads responses of EC2 with any text', async () => {
    const [LaunchTime, Value] = [
      new Date('2026-01-02T03:04:05.678Z'),
      ' <a href="x">&amp;\r\n\t\'ä\u{1f600}',
    ];
    const instance = {
      ...{ InstanceId: 'i-1', LaunchTime, EbsOptimized: false, AmiLaunchIndex: 0 },
      ...{ State: { Code: 16, Name: 'running' as const }, Tags: [{ Key: 'Name', Value }] },
    };
    const { ec2 } = await setup(() => ({ Reservations: [{ Instances: [instance] }], NextToken: undefined }));
    const { Reservations, $metadata } = await ec2.send(new EC2.DescribeInstancesCommand());
    expect(Reservations?.[0]?.Instances?.[0]).toMatchObject(instance);
    expect($metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('gets replacements for characters that XML cannot encode', async () => {
    const { ec2 } = await setup(() => ({ NextToken: 'a\0b\u001bc\ufffe' }));
    const { NextToken } = await ec2.send(new EC2.DescribeInstancesCommand());
    expect(NextToken).toBe('a\ufffdb\ufffdc\ufffd');
  });

  test('reads responses of load balancing, also empty ones', async () => {
    const { elb } = await setup(() => ({ TargetGroups: [{ TargetGroupArn: 'arn', Port: 80 }] }));
    const made = await elb.send(new ELB.CreateTargetGroupCommand({ Name: 'web' }));
    expect(made.TargetGroups).toMatchObject([{ TargetGroupArn: 'arn', Port: 80 }]);
    const gone = await elb.send(new ELB.DeleteTargetGroupCommand({ TargetGroupArn: 'arn' }));
    expect(gone.$metadata.httpStatusCode).toBe(200);
  });

  test('throws the error of an EC2 action', async () => {
    const { ec2 } = await setup(() => {
      throw new AwsError('InvalidInstanceID.NotFound', "The instance ID 'i-1' does not exist");
    });
    await expect(ec2.send(new EC2.DescribeInstancesCommand())).rejects.toMatchObject({
      ...{ name: 'InvalidInstanceID.NotFound', message: "The instance ID 'i-1' does not exist" },
      $metadata: { httpStatusCode: 400, requestId: expect.any(String) },
    });
  });

  test('throws the error class of a load balancing action', async () => {
    const { elb } = await setup(() => {
      throw new AwsError('TargetGroupNotFound', 'no such group');
    });
    const response = elb.send(new ELB.DescribeTargetHealthCommand({ TargetGroupArn: 'arn' }));
    await expect(response).rejects.toBeInstanceOf(ELB.TargetGroupNotFoundException);
  });

  test('gets an internal error for a bug, and the log has the details', async () => {
    const { ec2, region } = await setup(() => {
      throw new TypeError('x is undefined');
    });
    const response = ec2.send(new EC2.DescribeInstancesCommand());
    await expect(response).rejects.toMatchObject({
      name: 'InternalError',
      $metadata: { httpStatusCode: 500 },
    });
    expect(region.logged).toEqual([expect.stringMatching(/^DescribeInstances .*TypeError: x is undefined/s)]);
  });

  test('gets DryRunOperation for a dry run, and nothing is done', async () => {
    const { ec2, inputs } = await setup();
    const dry = ec2.send(new EC2.RunInstancesCommand({ MinCount: 1, MaxCount: 1, DryRun: true }));
    await expect(dry).rejects.toMatchObject({ name: 'DryRunOperation', $metadata: { httpStatusCode: 412 } });
    expect(inputs).toEqual([]);
  });
});

describe('a request', () => {
  test('goes to the service of its credential scope, or of its version', async () => {
    const { ask, scope } = await setup();
    const form = 'Action=DescribeInstances';
    const [ec2, elb] = ['DescribeInstancesResponse', '<ErrorResponse'];
    expect((await ask(form)).body).toContain(ec2);
    expect((await ask(form, scope('elasticloadbalancing'))).body).toContain(elb);
    expect((await ask(`${form}&Version=2016-11-15`, scope('other'))).body).toContain(ec2);
    expect((await ask(`${form}&Version=2015-12-01`, scope('__proto__'))).body).toContain(elb);
  });

  test.each([
    ['without an action', 'Version=2016-11-15', 'MissingAction'],
    ['for an unknown action', 'Action=UnknownAction', 'InvalidAction'],
    ['for a property of every object', 'Action=constructor', 'InvalidAction'],
    ['for the prototype', 'Action=__proto__', 'InvalidAction'],
    ['with an unknown parameter', 'Action=DescribeInstances&Color=red', 'UnknownParameter'],
    ['with the prototype', 'Action=DescribeInstances&__proto__.polluted=1', 'UnknownParameter'],
    ['with a list index that is not a number', 'Action=DescribeInstances&InstanceId.x=1', 'UnknownParameter'],
    ['with a prototype in a list', 'Action=DescribeInstances&Filter.1.__proto__.Name=1', 'UnknownParameter'],
    ['with a part of a scalar', 'Action=DescribeInstances&NextToken.a=1', 'InvalidParameterValue'],
    ['with a text for a list', 'Action=DescribeInstances&InstanceId=i-1', 'InvalidParameterValue'],
    ['with a text for a structure', 'Action=DescribeInstances&Filter.1=x', 'InvalidParameterValue'],
    ['with a text for a number', 'Action=DescribeInstances&MaxResults=many', 'InvalidParameterValue'],
    [
      'with a number too long',
      `Action=DescribeInstances&MaxResults=${'9'.repeat(400)}`,
      'InvalidParameterValue',
    ],
    ['with a text for a boolean', 'Action=DescribeInstances&DryRun=maybe', 'InvalidParameterValue'],
    ['without a required parameter', 'Action=RunInstances&MinCount=1', 'MissingParameter'],
    ['with an empty name', 'Action=DescribeInstances&=1', 'UnknownParameter'],
    ['with a name of dots', `Action=DescribeInstances&${'.'.repeat(100_000)}=1`, 'UnknownParameter'],
    ['with a broken escape', 'Action=DescribeInstances&%zz=%', 'UnknownParameter'],
    ['with too many parameters', `Action=DescribeInstances${'&a=1'.repeat(10_000)}`, 'RequestEntityTooLarge'],
  ])('%s is rejected', async (_, form, code) => {
    const { ask, inputs, region } = await setup();
    const { status, body } = await ask(form);
    expect(body).toContain(`<Code>${code}</Code>`);
    expect(status).toBe(code === 'RequestEntityTooLarge' ? 413 : 400);
    expect([...inputs, ...region.logged]).toEqual([]);
  });

  test.each([undefined, '', 'Basic YTpi', 'AWS4-HMAC-SHA256 Credential=k/x'])(
    'with credential %s is rejected',
    async (authorization) => {
      const { services, region } = await setup();
      const form = 'Action=DescribeInstances&Version=2016-11-15';
      const { status, body } = await handleRequest(services, region, { authorization, form });
      expect([status, body]).toEqual([403, expect.stringContaining('MissingAuthenticationToken')]);
    },
  );

  test('sorts list items by index, also with gaps', async () => {
    const { ask, inputs } = await setup();
    await ask('Action=DescribeInstances&InstanceId.999999999999=c&InstanceId.2=b&InstanceId.1=a');
    expect(inputs).toEqual([{ InstanceIds: ['a', 'b', 'c'] }]);
  });

  test('is escaped in error messages', async () => {
    const { ask } = await setup();
    const { body } = await ask('Action=%3Cscript%3E%26');
    expect(body).toContain('The action &lt;script&gt;&amp; is not valid');
  });
});
