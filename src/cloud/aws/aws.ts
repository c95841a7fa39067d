import type { Cloud } from '../cloud.js';
import { elb } from './groups.js';
import { ec2 } from './instances.js';
import type { AwsOptions } from './service.js';

/**
 * Creates the cloud of an AWS account and region, found as the AWS CLI does: from variables, `~/.aws`, SSO or the metadata
 * service. Loads and connects nothing before the first call.
 */
export function awsCloud(options: AwsOptions): Cloud {
  return { ...ec2(options), ...elb(options) };
}
