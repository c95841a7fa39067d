import { describe, expect, it } from '@jest/globals';
import { registryAuth } from '../../../src/config/registry-auth.js';
import { Failure } from '../../../src/domain/failure.js';
import { commandsOf, failureOf, memoryFiles } from './context.js';

const hub = 'https://index.docker.io/v1/';
const login = (config: unknown, answers = {}) => {
  const { run, ran } = commandsOf(answers);
  const files = memoryFiles({
    '/home/me/.docker/config.json': typeof config === 'string' ? config : JSON.stringify(config),
  });
  return { ran, of: (image: string) => registryAuth(image, { folder: '/home/me/.docker', files, run }) };
};
const auth = Buffer.from('me:pa:ss').toString('base64');

describe('the login at a registry', () => {
  it('is the one of the image’s registry', async () => {
    const { of } = login({ auths: { [hub]: { auth }, 'https://ghcr.io/v2/': { auth }, 'reg:5000': {} } });
    expect(await of('nginx')).toEqual({ username: 'me', password: 'pa:ss', serveraddress: hub });
    expect(await of('ghcr.io/acme/web:1')).toEqual({
      username: 'me',
      password: 'pa:ss',
      serveraddress: 'ghcr.io',
    });
    expect(await of('reg:5000/web')).toBeUndefined();
    expect(await of('quay.io/web')).toBeUndefined();
  });

  it('comes from a credential helper, which reads the server from stdin', async () => {
    const { of, ran } = login(
      { credsStore: 'desktop', credHelpers: { 'ecr.aws': 'ecr-login' } },
      {
        'docker-credential-ecr-login get': { stdout: '{"ServerURL":"","Username":"AWS","Secret":"s3cret"}' },
        'docker-credential-desktop get': { stdout: '{"Username":"<token>","Secret":"t0ken"}' },
      },
    );
    expect(await of('ecr.aws/web')).toEqual({
      username: 'AWS',
      password: 's3cret',
      serveraddress: 'ecr.aws',
    });
    expect(await of('nginx')).toEqual({
      username: '',
      password: '',
      identitytoken: 't0ken',
      serveraddress: hub,
    });
    expect(ran.map(({ argv, stdin }) => [argv, stdin])).toEqual([
      [['docker-credential-ecr-login', 'get'], 'ecr.aws'],
      [['docker-credential-desktop', 'get'], hub],
    ]);
  });

  it('falls back to the file if the helper has none', async () => {
    const answers = {
      'docker-credential-pass get': { code: 1, stdout: 'credentials not found in native keychain' },
    };
    expect(await login({ credsStore: 'pass' }, answers).of('ghcr.io/web')).toBeUndefined();
    const both = login({ credsStore: 'pass', auths: { 'ghcr.io': { auth } } }, answers);
    expect(await both.of('ghcr.io/web')).toMatchObject({ username: 'me' });
  });

  it('fails without printing any part of an invalid configuration', async () => {
    const failures = [
      await failureOf(() => login('{"auths": hunter2').of('nginx')),
      await failureOf(() => login({ auths: { a: { auth: ['hunter2'] } } }).of('nginx')),
      await failureOf(() => login({ credsStore: 'a; reboot' }).of('nginx')),
      await failureOf(() =>
        login({ credsStore: 'x' }, { 'docker-credential-x get': { code: 2, stdout: 'hunter2' } }).of('nginx'),
      ),
      await failureOf(() =>
        login({ credsStore: 'x' }, { 'docker-credential-x get': { stdout: 'hunter2' } }).of('nginx'),
      ),
    ];
    for (const failure of failures) {
      expect(failure.kind).toBe('access');
      expect(JSON.stringify([failure.message, failure.evidence, failure.cause])).not.toContain('hunter2');
    }
  });

  it('names a helper that is not installed', async () => {
    const files = memoryFiles({ '/home/me/.docker/config.json': '{"credsStore":"desktop"}' });
    const run = () => Promise.reject(new Failure('failed', 'command.start', 'spawn ENOENT'));
    const failure = await failureOf(() => registryAuth('nginx', { folder: '/home/me/.docker', files, run }));
    expect(failure).toMatchObject({
      kind: 'access',
      code: 'registry.helper',
      message:
        'docker-credential-desktop is not installed, but /home/me/.docker/config.json uses it for https://index.docker.io/v1/',
      hint: 'install docker-credential-desktop, or remove it from that file',
    });
  });

  it('is undefined without a Docker configuration', async () => {
    const files = memoryFiles({});
    expect(await registryAuth('nginx', { folder: '/none', files, run: commandsOf({}).run })).toBeUndefined();
  });
});
