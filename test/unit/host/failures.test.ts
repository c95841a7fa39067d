import { describe, expect, it } from '@jest/globals';
import { engineFailure } from '../../../src/host/failures.js';

const oci = (reason: string) =>
  `OCI runtime create failed: container_linux.go:380: starting container process caused: ${reason}: unknown`;

describe('an engine that cannot start a container', () => {
  it.each([
    [oci('exec: "/entry.sh": permission denied'), 'container.not-executable', 'chmod +x'],
    [oci('exec: "server": executable file not found in $PATH'), 'container.no-program', '`command`'],
    [
      oci('exec: "/entry.sh": stat /entry.sh: no such file or directory'),
      'container.no-program',
      'ENTRYPOINT',
    ],
    [oci('exec: "/bin/app": exec format error'), 'image.platform', 'platform'],
  ])('%s', (message, code, hint) => {
    const failure = engineFailure('host-1', 'start container web', message);
    expect(failure).toMatchObject({ kind: 'failed', code, hint: expect.stringContaining(hint) });
  });

  it('still names a registry that refuses', () => {
    const message = 'pull access denied for shop/web, repository does not exist or may require docker login';
    const failure = engineFailure('host-1', 'pull shop/web', message, { image: 'shop/web' });
    expect(failure).toMatchObject({ code: 'image.access' });
  });
});
