import { describe, expect, it } from '@jest/globals';
import {
  Inspected,
  inspectedFacts,
  inspectedProcess,
  Listed,
  listedFacts,
} from '../../../../src/host/docker/container-facts.js';

const listed = (more: object) =>
  listedFacts(
    Listed.parse({
      Id: 'abc',
      Names: ['/web'],
      Image: 'shop/web:1',
      State: 'running',
      Status: 'Up 3 minutes',
      ...more,
    }),
  );

describe('a container in a list', () => {
  it('shows its networks and, while it runs, each published port once', () => {
    const Ports = [{ PublicPort: 8080 }, { PublicPort: 8080 }, { PublicPort: 80 }, {}];
    expect(listed({ Ports, Labels: null, NetworkSettings: { Networks: { shop: {} } } })).toEqual({
      id: 'abc',
      name: 'web',
      labels: {},
      image: 'shop/web:1',
      state: 'running',
      restart: '',
      ports: [80, 8080],
      networks: ['shop'],
      env: [],
    });
  });

  it('tells health and exit code in words for people', () => {
    expect(listed({ Status: 'Up 3 minutes (healthy)' }).health).toBe('healthy');
    expect(listed({ Status: 'Up 3 seconds (health: starting)' }).health).toBe('starting');
    expect(listed({ State: 'paused', Status: 'Up 3 minutes (Paused)' })).not.toHaveProperty('health');
    expect(listed({ State: 'exited', Status: 'Exited (137) 2 hours ago' }).exit).toBe(137);
  });
});

describe('a container that is inspected', () => {
  const answer = (state: object) =>
    Inspected.parse({
      Id: 'abc',
      Name: '/web',
      State: { Status: 'running', ExitCode: 0, StartedAt: '2026-01-01T00:00:00Z', ...state },
      Config: { Image: 'shop/web:1', Labels: null, Env: ['A=b'] },
      HostConfig: {
        RestartPolicy: { Name: '' },
        PortBindings: { '80/tcp': [{ HostPort: '8080' }], '81/tcp': [{ HostPort: '' }], '82/tcp': null },
      },
      NetworkSettings: {
        Networks: {
          none: { Aliases: null, IPAddress: '' },
          shop: { Aliases: null, IPAddress: '172.20.0.3' },
        },
        Ports: { '81/tcp': [{ HostPort: '49153' }] },
      },
    });

  it('shows the ports that it will publish, and those that the engine chose', () => {
    expect(inspectedFacts(answer({}))).toMatchObject({
      ports: [8080, 49_153],
      restart: 'no',
      env: ['A=b'],
      networks: ['none', 'shop'],
      address: '172.20.0.3',
    });
  });

  it('shows its process, its program and the last result of its health check', () => {
    const Log = [
      { ExitCode: 0, Output: 'ok' },
      { ExitCode: 1, Output: 'curl: \u001b[31mnot found\u001b[0m\n' },
    ];
    const found = { ...answer({ Pid: 42, Health: { Status: 'unhealthy', Log } }), Path: '/entry.sh' };
    expect(inspectedProcess(found)).toEqual({
      ...{ pid: 42, program: '/entry.sh' },
      healthcheck: { exit: 1, output: 'curl: not found\n' },
    });
    expect(inspectedProcess(answer({ Pid: 0, Health: { Status: 'starting', Log: null } }))).toEqual({});
  });

  it('has an exit code only when it has ended, and a start only when it has started', () => {
    expect(inspectedFacts(answer({}))).not.toHaveProperty('exit');
    expect(inspectedFacts(answer({ Status: 'exited', ExitCode: 3 })).exit).toBe(3);
    expect(inspectedFacts(answer({ Status: 'exited', OOMKilled: false }))).not.toHaveProperty('outOfMemory');
    expect(inspectedFacts(answer({ Status: 'exited', OOMKilled: true })).outOfMemory).toBe(true);
    expect(
      inspectedFacts(answer({ Status: 'created', StartedAt: '0001-01-01T00:00:00Z' })),
    ).not.toHaveProperty('started');
  });

  it('counts the times that it was started again, when there were any', () => {
    expect(inspectedFacts({ ...answer({}), RestartCount: 3 }).restarts).toBe(3);
    expect(inspectedFacts({ ...answer({}), RestartCount: 0 })).not.toHaveProperty('restarts');
  });

  it('has no health without a check, or if the check reports none', () => {
    expect(inspectedFacts(answer({ Health: { Status: 'none' } }))).not.toHaveProperty('health');
    expect(inspectedFacts(answer({ Health: { Status: 'unhealthy' } })).health).toBe('unhealthy');
  });
});
