/** Named exports, so that a bundler drops the rest. Import with `await import()`: loading takes half a second. */
export {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupRulesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
