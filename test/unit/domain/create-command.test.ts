import { describe, expect, it } from '@jest/globals';
import { createArgv } from '../../../src/domain/create-command.js';

const words = (body: object) => {
  const { options, operands, missing } = createArgv({ Image: 'web', ...body });
  return [...options, ...operands, ...missing.map((key) => `without ${key}`)].join(' ');
};

describe('the arguments of docker create', () => {
  it('include environment, labels, command and user unchanged', () => {
    const body = { Env: ['A=1', 'B='], Labels: { a: 'b=c', empty: '' }, Cmd: ['serve', '-v'], User: '1000' };
    expect(words(body)).toBe('--env A=1 --env B= --label a=b=c --label empty= --user 1000 web serve -v');
  });

  it('put further words of an entrypoint before the command', () => {
    expect(words({ Entrypoint: ['sh', '-c', 'x'], Cmd: ['y'] })).toBe('--entrypoint sh web -c x y');
    expect(words({ Entrypoint: 'run' })).toBe('--entrypoint run web');
    expect(words({ Entrypoint: null })).toBe('web');
    expect(words({ Entrypoint: [] })).toBe('web without Entrypoint');
  });

  it('publish ports on one address or on all', () => {
    const bind = (HostIp: string) => ({ PortBindings: { '80/tcp': [{ HostIp, HostPort: '8080' }] } });
    expect(words({ ExposedPorts: { '80/tcp': {} }, HostConfig: bind('') })).toBe('--publish 8080:80 web');
    expect(words({ HostConfig: bind('::1') })).toBe('--publish [::1]:8080:80 web');
  });

  it('connect to a network with an alias', () => {
    const NetworkingConfig = { EndpointsConfig: { shop: { Aliases: ['web'] } } };
    expect(words({ NetworkingConfig, HostConfig: { NetworkMode: 'shop' } })).toBe(
      '--network-alias web --network shop web',
    );
  });

  it('include limits, logging and the restart policy', () => {
    const HostConfig = {
      ...{ Memory: 536_870_912, NanoCpus: 500_000_000, Binds: ['shop-data:/data:ro'] },
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m' } },
      Ulimits: [{ Name: 'nofile', Soft: 1024, Hard: 2048 }],
    };
    expect(words({ StopSignal: 'SIGINT', StopTimeout: 30, HostConfig })).toBe(
      '--stop-signal SIGINT --stop-timeout 30 --memory 536870912 --cpus 0.5 --volume shop-data:/data:ro ' +
        '--restart on-failure:3 --log-driver json-file --log-opt max-size=10m --ulimit nofile=1024:2048 web',
    );
  });

  it('include the API keys that users set under docker', () => {
    const HostConfig = {
      ...{ Init: true, ReadonlyRootfs: false, CapDrop: ['ALL'], Sysctls: { 'net.core.somaxconn': 1024 } },
      ...{ Tmpfs: { '/tmp': '', '/run': 'size=1m' }, ShmSize: 64, ExtraHosts: ['db:10.0.0.9'] },
      Devices: [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse' }],
    };
    expect(words({ Hostname: 'shop', HostConfig })).toBe(
      '--hostname shop --init --read-only=false --cap-drop ALL --sysctl net.core.somaxconn=1024 ' +
        '--tmpfs /tmp --tmpfs /run:size=1m --shm-size 64 --add-host db:10.0.0.9 --device /dev/fuse:/dev/fuse:rwm web',
    );
  });

  it('include a shell health check, or disable it', () => {
    const Healthcheck = { Test: ['CMD-SHELL', 'up || exit 1'], Interval: 5e9, Retries: 2 };
    expect(words({ Healthcheck })).toBe(
      '--health-cmd up || exit 1 --health-interval 5000000000ns --health-retries 2 web',
    );
    expect(words({ Healthcheck: { Test: ['NONE'] } })).toBe('--no-healthcheck web');
  });

  it('report keys without an option', () => {
    expect(words({ Healthcheck: { Test: ['CMD', 'up'] } })).toBe('web without Healthcheck');
    expect(words({ HostConfig: { DeviceRequests: [{ Count: -1 }], Ulimits: 'many', Toaster: null } })).toBe(
      'web without DeviceRequests without Ulimits',
    );
  });
});
