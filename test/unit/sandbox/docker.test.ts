import { expect, test } from '@jest/globals';
import { dockerFailure } from '../../../src/sandbox/docker.js';

function error(message: string, facts: object): Error {
  return Object.assign(new Error(message), facts);
}

test.each([
  ['no engine', error('connect ENOENT /var/run/docker.sock', { code: 'ENOENT' }), 'docker.absent', 5],
  ['no permission', error('connect EACCES /var/run/docker.sock', { code: 'EACCES' }), 'docker.denied', 4],
  ['a full disk', error('write: no space left on device', { statusCode: 500 }), 'disk.full', 1],
  [
    'an error response',
    error('(HTTP code 409) conflict - name in use ', { statusCode: 409 }),
    'docker.refused',
    1,
  ],
])('%s becomes a failure with a hint and an exit code', (_, thrown, code, exitCode) => {
  expect(dockerFailure(thrown)).toMatchObject({ code, exitCode, hint: expect.any(String) });
});

test("an error response keeps the engine's message", () => {
  const thrown = error('(HTTP code 409) unexpected - name in use ', { statusCode: 409 });
  expect(dockerFailure(thrown)).toMatchObject({ message: 'Docker request failed: name in use' });
});

test('other errors stay unchanged', () => {
  const bug = new TypeError('x is undefined');
  expect(dockerFailure(bug)).toBe(bug);
});
