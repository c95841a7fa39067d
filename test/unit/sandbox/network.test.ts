import { describe, expect, test } from '@jest/globals';
import Dockerode from 'dockerode';
import { systemClock } from '../../../src/domain/clock.js';
import { address, ensureNetwork, freeSubnet } from '../../../src/sandbox/network.js';
import { DockerServer } from '../../fakes/docker-server.js';

describe('the subnet of a sandbox', () => {
  test('is the first candidate if nothing overlaps', () => {
    expect(freeSubnet(['172.17.0.0/16', '127.0.0.1/8', 'fe80::1/64'])).toBe('10.213.0.0/24');
  });

  test('overlaps no existing network, wider or narrower', () => {
    expect(freeSubnet(['10.213.0.128/25', '10.213.1.7/32', '10.213.2.0/23'])).toBe('10.213.4.0/24');
  });

  test('avoids 10.0.0.0/8 on a machine in that range', () => {
    expect(freeSubnet(['10.4.5.6/8'])).toBe('198.18.0.0/24');
  });

  test('fails if none is free', () => {
    expect(() => freeSubnet(['0.0.0.0/0'])).toThrow('no private subnet is free');
  });
});

test('addresses are fixed by role and number', () => {
  const network = { id: 'n', name: 'oneclick-x', prefix: '10.213.4.', registryPort: 5500 };
  expect(address(network, 'registry')).toBe('10.213.4.2');
  expect(address(network, 1)).toBe('10.213.4.11');
});

test.each([
  ['is listed', true],
  ['is still being created', false],
])('takes the next subnet if the network of another sandbox %s', async (_, isListed) => {
  const docker = await DockerServer.start();
  const networks: { Name: string; IPAM: unknown; Labels: unknown }[] = [];
  const wanted: string[] = [];
  docker.json('GET /containers/json', []);
  docker.on('GET /networks', (response, { url }) => {
    const mine = url.includes('oneclick.sandbox%3Dmine');
    response.end(JSON.stringify(networks.filter(({ Name }) => !mine || Name === 'oneclick-mine')));
  });
  docker.on('POST /networks/create', (response, { body }) => {
    const network = JSON.parse(body);
    wanted.push(network.IPAM.Config[0].Subnet);
    const isFree = wanted[0] !== network.IPAM.Config[0].Subnet;
    if (isFree) networks.push(network);
    else if (isListed) networks.push({ ...network, Name: 'oneclick-other' });
    if (isFree) response.end(JSON.stringify({ Id: 'n' }));
    else response.writeHead(403).end('{"message":"Pool overlaps with other one on this address space"}');
  });
  const context = {
    docker: new Dockerode({ host: '127.0.0.1', port: docker.port }),
    progress: () => undefined,
    signal: new AbortController().signal,
    clock: systemClock,
    env: {},
  };
  const { prefix } = await ensureNetwork(context, 'mine');
  expect(`${prefix}0/24`).toBe(wanted[1]);
  expect(new Set(wanted).size).toBe(2);
  await docker.close();
});
