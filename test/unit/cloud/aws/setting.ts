import { awsCloud } from '../../../../src/cloud/aws/aws.js';
import type { AwsOptions } from '../../../../src/cloud/aws/service.js';
import { awsApi } from '../../../fakes/aws.js';
import { CallCount } from '../../../fakes/call-count.js';
import { InstantClock, MovableClock } from '../../../fakes/clock.js';
import { FakeCloud } from '../../../fakes/cloud.js';

/** The environment variables of a login. */
export const login = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret-that-nobody-may-see',
};

/** The adapter with a local endpoint, and the world behind it. */
export async function setting(special: Partial<AwsOptions> = {}) {
  const clock = new MovableClock();
  const behind = new FakeCloud(clock);
  const api = await awsApi(behind);
  const waiting: string[] = [];
  const count = new CallCount();
  const hurried = new InstantClock();
  const cloud = awsCloud({
    variables: { ...login, AWS_ENDPOINT_URL: api.endpoint },
    clock: hurried,
    random: () => 0.5,
    onWaiting: (text) => waiting.push(text),
    onCall: count.add,
    ...special,
  });
  return { clock, hurried, behind, api, cloud, waiting, count };
}

/** The failure of a call. */
export async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}
