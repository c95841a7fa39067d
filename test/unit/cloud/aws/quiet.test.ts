import { expect, it, jest } from '@jest/globals';
import { awsCloud } from '../../../../src/cloud/aws/aws.js';
import { HurriedClock } from '../../../fakes/clock.js';
import { failure, login } from './setting.js';

// In a file of its own: the SDK says it once in a process, about the first client.
it('the SDK says nothing about the age of Node', async () => {
  const warn = jest.spyOn(process, 'emitWarning');
  const variables = { ...login, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' };
  const cloud = awsCloud({ variables, clock: new HurriedClock(), random: () => 0, attempts: 1 });
  await failure(cloud.targets('arn'));
  await failure(cloud.instances(['i-1']));
  expect(warn).not.toHaveBeenCalled();
});
