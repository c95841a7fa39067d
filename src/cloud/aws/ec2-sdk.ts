/**
 * What is used of EC2's SDK, by name, so that a bundle leaves the rest out. Nothing else may import the package, and only by `await
 * import()`: it takes half a second to load.
 */
export {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupRulesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
