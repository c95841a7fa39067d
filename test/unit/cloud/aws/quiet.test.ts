import { expect, it, jest } from '@jest/globals';
import { awsCloud } from '../../../../src/cloud/aws/aws.js';
import type { Variables } from '../../../../src/cloud/aws/settings.js';
import { InstantClock } from '../../../fakes/clock.js';
import { failure, login } from './setting.js';

const cloud = (variables: Variables) =>
  awsCloud({
    variables: { ...variables, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
    clock: new InstantClock(),
    random: () => 0,
    attempts: 1,
  });

// In its own file, because the SDK warns once per process.
it('the SDK prints no warning about the Node version', async () => {
  const warn = jest.spyOn(process, 'emitWarning');
  await failure(cloud(login).targets('arn'));
  await failure(cloud(login).instances(['i-1']));
  expect(warn).not.toHaveBeenCalled();
});

it('the SDK prints no warning about a profile with keys', async () => {
  const warn = jest.spyOn(console, 'warn').mockReturnValue(undefined);
  Object.assign(process.env, login, { AWS_EC2_METADATA_DISABLED: 'true', AWS_CONFIG_FILE: '/dev/null' });
  await failure(cloud({ AWS_REGION: 'us-east-1', AWS_PROFILE: 'shop' }).targets('arn'));
  expect(warn).not.toHaveBeenCalled();
});
