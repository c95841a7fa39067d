import { describe, expect, it } from '@jest/globals';
import { strongest } from '../../../src/domain/precedence.js';

describe('a setting', () => {
  const all = { user: 4, project: 3, variable: 2, flag: 1 };

  it('is what the flag says, then the variable, then the project, then the user', () => {
    expect(strongest(all)).toEqual({ value: 1, origin: 'flag' });
    expect(strongest({ ...all, flag: undefined })).toEqual({ value: 2, origin: 'variable' });
    expect(strongest({ project: 3, user: 4 })).toEqual({ value: 3, origin: 'project' });
    expect(strongest({ user: 4 })).toEqual({ value: 4, origin: 'user' });
    expect(strongest({})).toBeUndefined();
  });

  it('is no where somebody says no, whoever weaker says yes', () => {
    expect(strongest({ flag: false, user: true })?.value).toBe(false);
  });
});
