import { account } from './action.js';
import type { Actions } from './wire.js';

/** Written manually: one action does not justify the SDK client for STS. */
const shape = 'com.amazonaws.sts';
const identity = [3, shape, 'GetCallerIdentityResponse', 0, ['UserId', 'Account', 'Arn'], [0, 0, 0]];
export const stsSchemas = {
  GetCallerIdentity$: [
    9,
    shape,
    'GetCallerIdentity',
    0,
    [3, shape, 'GetCallerIdentityRequest', 0, [], []],
    identity,
  ],
};

/** Every caller is the same user. */
export const stsActions: Actions = {
  GetCallerIdentity: async () => ({
    UserId: 'AIDASANDBOX',
    Account: account,
    Arn: `arn:aws:iam::${account}:user/sandbox`,
  }),
};
