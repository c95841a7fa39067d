import { account } from './action.js';
import type { Actions } from './wire.js';

/** Schemas as the SDK's client for STS would export them; it is not worth its weight for one action. */
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

/** Whoever asks is the only user that there is. */
export const stsActions: Actions = {
  GetCallerIdentity: async () => ({
    UserId: 'AIDASANDBOX',
    Account: account,
    Arn: `arn:aws:iam::${account}:user/sandbox`,
  }),
};
