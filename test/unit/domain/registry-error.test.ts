import { describe, expect, it } from '@jest/globals';
import { registryError } from '../../../src/domain/registry-error.js';

const ecr = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const [image, login] = ['ghcr.io/acme/web:v1', 'docker login ghcr.io'];

describe('the error of a registry', () => {
  it.each([
    ['error from registry: denied', 'image.access', login],
    ['denied: requested access to the resource is denied', 'image.access', login],
    ['unauthorized: authentication required', 'image.access', login],
    ['Head "https://ghcr.io/v2/acme/web/manifests/v1": no basic auth credentials', 'image.access', login],
    [
      "pull access denied for acme/web, repository does not exist or may require 'docker login'",
      'image.access',
      login,
    ],
    [
      'failed to resolve reference "ghcr.io/acme/web:v1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
      'image.access',
      login,
    ],
    [
      'failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://ghcr.io/token: 403 Forbidden',
      'image.access',
      login,
    ],
    [
      'error from registry: Your authorization token has expired. Reauthenticate and try again.',
      'image.access',
      'the login has expired',
    ],
    ['unauthorized: personal access token is expired', 'image.access', 'the login has expired'],
    [
      'toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading',
      'image.rate-limit',
      'wait, or log in',
    ],
    [
      'error from registry: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
      'image.rate-limit',
      'wait, or log in',
    ],
    [
      'error parsing HTTP 429 response body: no error details found in HTTP response body: "{}"',
      'image.rate-limit',
      'wait, or log in',
    ],
    [
      'error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH, out: ``',
      'registry.helper',
      'install docker-credential-desktop',
    ],
  ])('%j is a denial, with a hint', (message, code, hint) => {
    const error = registryError(message, image);
    expect(error).toMatchObject({ kind: 'access', code });
    expect(error?.hint).toContain(hint);
  });

  it.each([
    ['manifest unknown: manifest unknown', 'image.not-found'],
    ['failed to resolve reference "ghcr.io/acme/web:v1": ghcr.io/acme/web:v1: not found', 'image.not-found'],
    ['Get "https://ghcr.io/v2/": dial tcp 10.0.0.1:443: connect: connection refused', 'registry.unreachable'],
    [
      'unexpected status from HEAD request to https://ghcr.io/v2/acme/web/manifests/v1: 503 Service Unavailable',
      'registry.unreachable',
    ],
  ])('%j is none', (message, code) => {
    expect(registryError(message, image)).toMatchObject({ code });
  });

  it('is not read from the name of the image', () => {
    const name = 'ghcr.io/acme/denied-unauthorized:v1';
    expect(registryError(`manifest for ${name} not found: manifest unknown`, name)).toMatchObject({
      code: 'image.not-found',
    });
    expect(registryError(`Head "https://${name}": EOF`, name)).toMatchObject({
      code: 'registry.unreachable',
    });
  });

  it('names the command that logs in at AWS ECR', () => {
    const hint = registryError('no basic auth credentials', `${ecr}/web:1`)?.hint;
    expect(hint).toContain(
      `aws ecr get-login-password --region eu-west-1 | docker login --username AWS --password-stdin ${ecr}`,
    );
    expect(registryError('denied', 'acme/web')?.hint).toMatch(/: docker login$/);
  });

  it('is unknown for other words', () => {
    expect(registryError('OCI runtime create failed: exec ./run: permission denied', image)).toBeUndefined();
  });
});
