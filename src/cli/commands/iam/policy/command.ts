import { defineCommand, type FlagsOf } from '../../../define-command.js';

export const iamPolicy = defineCommand({
  name: 'policy',
  summary: 'print an IAM policy that grants these permissions',
  options: {},
  examples: ['oneclick iam policy', 'oneclick iam policy > policy.json'],
});

export type IamPolicyFlags = FlagsOf<typeof iamPolicy>;
