import { expect, it } from '@jest/globals';
import { plainText } from '../../../src/host/plain-text.js';

it('removes terminal escapes and control characters except tabs and newlines', () => {
  const text = 'one\n\u001b[31mred\u001b[0m\r\n\u001b]0;title\u0007three\u0000\u0008\ttab\n';
  expect(plainText(text)).toBe('one\nred\nthree\ttab\n');
});
