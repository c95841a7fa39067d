import type { Cloud } from '../cloud.js';
import { elb } from './groups.js';
import { ec2 } from './instances.js';
import type { AwsOptions } from './service.js';

/**
 * The cloud of an AWS account and region, as the AWS CLI and every other tool would find it: by variables, `~/.aws`, SSO, or the
 * metadata service. Nothing is loaded, and nobody is asked, before the first call.
 */
export function awsCloud(options: AwsOptions): Cloud {
  return { ...ec2(options), ...elb(options) };
}
