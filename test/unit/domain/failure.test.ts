import { describe, expect, it } from '@jest/globals';
import { exitCode, Failure, failureRecord } from '../../../src/domain/failure.js';

describe('exit codes', () => {
  it('are 0 without failures, and follow the kind of a single failure', () => {
    expect(exitCode([])).toBe(0);
    expect(exitCode(['lease'])).toBe(3);
  });

  it('prefer changed, then interrupted, unhealthy, unreachable and access', () => {
    expect(exitCode(['failed', 'access', 'unreachable', 'unhealthy', 'interrupted', 'changed'])).toBe(7);
    expect(exitCode(['failed', 'access', 'unreachable', 'unhealthy', 'interrupted'])).toBe(130);
    expect(exitCode(['failed', 'access', 'unreachable', 'unhealthy'])).toBe(6);
    expect(exitCode(['failed', 'access', 'unreachable'])).toBe(5);
    expect(exitCode(['failed', 'access'])).toBe(4);
    expect(exitCode(['usage', 'failed'])).toBe(2);
  });
});

describe('a failure record', () => {
  it('has the code "bug" for anything that is not a Failure', () => {
    expect(failureRecord(new TypeError('x is undefined')).code).toBe('bug');
    expect(failureRecord(new Failure('access', 'host.key', 'refused', { host: 'a' }))).toEqual({
      kind: 'access',
      code: 'host.key',
      message: 'refused',
      host: 'a',
      evidence: [],
    });
  });
});
