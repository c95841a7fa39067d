import { describe, expect, it } from '@jest/globals';
import { resolveSetting } from '../../../src/domain/precedence.js';

describe('a setting', () => {
  const all = { user: 4, project: 3, variable: 2, flag: 1 };

  it('comes from the flag, then the variable, the project and the user', () => {
    expect(resolveSetting(all)).toEqual({ value: 1, origin: 'flag' });
    expect(resolveSetting({ ...all, flag: undefined })).toEqual({ value: 2, origin: 'variable' });
    expect(resolveSetting({ project: 3, user: 4 })).toEqual({ value: 3, origin: 'project' });
    expect(resolveSetting({ user: 4 })).toEqual({ value: 4, origin: 'user' });
    expect(resolveSetting({})).toBeUndefined();
  });

  it('can be false even if a source of lower precedence is true', () => {
    expect(resolveSetting({ flag: false, user: true })?.value).toBe(false);
  });
});
