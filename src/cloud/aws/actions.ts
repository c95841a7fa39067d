import { given } from '../../domain/given.js';

type Exports<Service extends 'ec2' | 'elb'> = Service extends 'ec2'
  ? typeof import('./ec2-sdk.js')
  : typeof import('./elb-sdk.js');

/** The actions whose commands can be sent: a command that is taken from an SDK must stand in the table below. */
type Actions<Service extends 'ec2' | 'elb'> = {
  [Name in keyof Exports<Service>]: Name extends `${infer Action}Command` ? Action : never;
}[keyof Exports<Service>];

/** What an action may be restricted to, as IAM has it: reading cannot be. */
interface ResourceScope {
  readonly resource: string;
  readonly condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

const everything: ResourceScope = { resource: '*' };
const groups: ResourceScope = { resource: 'arn:aws:elasticloadbalancing:*:*:targetgroup/*/*' };
/** Instances, and of their tags only ours. */
const ourTags: ResourceScope = {
  resource: 'arn:aws:ec2:*:*:instance/*',
  condition: { 'ForAllValues:StringLike': { 'aws:TagKeys': ['oneclick*'] } },
};

/**
 * Every action that is called, by the service's name in IAM, and what it needs to reach. Which resources and conditions an action knows
 * stands in AWS's Service Authorization Reference, "Actions, resources, and condition keys" of Amazon EC2 and of Elastic Load Balancing V2.
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

/** A policy document, as IAM takes it. */
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

/** The least that a person or a pipeline must be allowed, so that everything here works. */
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
      statement('OneclickLooks', everything),
      statement('OneclickFeedsTargetGroups', groups),
      statement('OneclickMarksInstances', ourTags),
    ],
  };
}
