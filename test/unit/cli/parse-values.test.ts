import { describe, expect, it } from '@jest/globals';
import { countOrAlways, secondsOrArgument, wholeNumber } from '../../../src/cli/parse-values.js';

describe('values of options', () => {
  it('wholeNumber accepts digits only', () => {
    expect(wholeNumber('20')).toBe(20);
    for (const text of ['-1', '1.5', 'many', ''])
      expect(() => wholeNumber(text)).toThrow('must be a whole number');
  });

  it('countOrAlways accepts a count from 1, or always', () => {
    for (const text of ['1', '20', 'always']) expect(countOrAlways(text)).toBe(text);
    for (const text of ['0', '-1', '1.5', 'often'])
      expect(() => countOrAlways(text)).toThrow('must be always or a number from 1');
  });

  it('secondsOrArgument leaves text without a leading digit as it is', () => {
    expect(secondsOrArgument('5')).toBe(5);
    expect(secondsOrArgument('web')).toBe('web');
    for (const text of ['0', '2s'])
      expect(() => secondsOrArgument(text)).toThrow('must be a number of seconds');
  });
});
