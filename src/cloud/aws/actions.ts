import { given } from '../../domain/given.js';

type Exports<Service extends 'ec2' | 'elb'> = Service extends 'ec2'
  ? typeof import('./ec2-sdk.js')
  : typeof import('./elb-sdk.js');

/** The actions of the imported SDK commands; the type checker requires each in the table below. */
type Actions<Service extends 'ec2' | 'elb'> = {
  [Name in keyof Exports<Service>]: Name extends `${infer Action}Command` ? Action : never;
}[keyof Exports<Service>];

/** The resources that IAM can restrict an action to. */
interface ResourceScope {
  readonly resource: string;
  readonly condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

const everything: ResourceScope = { resource: '*' };
const groups: ResourceScope = { resource: 'arn:aws:elasticloadbalancing:*:*:targetgroup/*/*' };
/** Instances, restricted to oneclick's own tags. */
const ourTags: ResourceScope = {
  resource: 'arn:aws:ec2:*:*:instance/*',
  condition: { 'ForAllValues:StringLike': { 'aws:TagKeys': ['oneclick*'] } },
};

/**
 * All actions that oneclick calls, by service, with the resources they need. See AWS's Service Authorization Reference,
 * "Actions, resources, and condition keys" for Amazon EC2 and Elastic Load Balancing V2.
 */
export const actions: {
  readonly ec2: Readonly<Record<Actions<'ec2'>, ResourceScope>>;
  readonly elasticloadbalancing: Readonly<Record<Actions<'elb'>, ResourceScope>>;
} = {
  ec2: {
    CreateTags: ourTags,
    DeleteTags: ourTags,
    DescribeInstances: everything,
    DescribeSecurityGroupRules: everything,
  },
  elasticloadbalancing: {
    DeregisterTargets: groups,
    DescribeListeners: everything,
    DescribeLoadBalancerAttributes: everything,
    DescribeLoadBalancers: everything,
    DescribeRules: everything,
    DescribeTargetGroupAttributes: everything,
    DescribeTargetGroups: everything,
    DescribeTargetHealth: everything,
    ModifyTargetGroup: groups,
    ModifyTargetGroupAttributes: groups,
    RegisterTargets: groups,
  },
};

/** An IAM policy document. */
export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly {
    readonly Sid: string;
    readonly Effect: 'Allow';
    readonly Action: readonly string[];
    readonly Resource: string;
    readonly Condition?: ResourceScope['condition'];
  }[];
}

/** Returns the least-privilege policy for oneclick. */
export function iamPolicy(): PolicyDocument {
  const all = Object.entries(actions).flatMap(([service, table]) =>
    Object.entries(table).map(([action, scope]) => ({ action: `${service}:${action}`, scope })),
  );
  const statement = (Sid: string, wanted: ResourceScope) => ({
    Sid,
    Effect: 'Allow' as const,
    Action: all.filter(({ scope }) => scope === wanted).map(({ action }) => action),
    Resource: wanted.resource,
    ...given({ Condition: wanted.condition }),
  });
  return {
    Version: '2012-10-17',
    Statement: [
      statement('OneclickRead', everything),
      statement('OneclickManageTargetGroups', groups),
      statement('OneclickTagInstances', ourTags),
    ],
  };
}
