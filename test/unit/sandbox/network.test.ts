import { describe, expect, test } from '@jest/globals';
import Dockerode from 'dockerode';
import { systemClock } from '../../../src/domain/clock.js';
import { address, ensureNetwork, freeSubnets } from '../../../src/sandbox/network.js';
import { DockerServer } from '../../fakes/docker-server.js';

describe('the subnet of a sandbox', () => {
  const first = (taken: string[]) => freeSubnets(taken)[0]?.subnet;

  test('is the first candidate if nothing overlaps', () => {
    expect(first(['172.17.0.0/16', '127.0.0.1/8', 'fe80::1/64'])).toBe('10.213.0.0/24');
  });

  test('overlaps no existing network, wider or narrower', () => {
    expect(first(['10.213.0.128/25', '10.213.1.7/32', '10.213.2.0/23'])).toBe('10.213.4.0/24');
  });

  test('avoids 10.0.0.0/8 on a machine in that range', () => {
    expect(first(['10.4.5.6/8'])).toBe('198.18.0.0/24');
  });

  test('has a registry port of its own, so that two sandboxes that start at once never share one', () => {
    const [one, two] = freeSubnets([]);
    expect(one?.port).not.toBe(two?.port);
  });
});

const contextOn = (docker: DockerServer) => ({
  docker: new Dockerode({ host: '127.0.0.1', port: docker.port }),
  progress: () => undefined,
  signal: new AbortController().signal,
  clock: systemClock,
  env: {},
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
  const context = contextOn(docker);
  const { prefix, registryPort } = await ensureNetwork(context, 'mine');
  const ports = wanted.map((subnet) => 5500 + Number(subnet.split('.')[2]));
  expect(registryPort).toBe(ports[1]);
  expect(`${prefix}0/24`).toBe(wanted[1]);
  expect(new Set(wanted).size).toBe(2);
  await docker.close();
});

test('fails if no subnet is free', async () => {
  const docker = await DockerServer.start();
  docker.json('GET /containers/json', []);
  docker.on('GET /networks', (response, { url }) =>
    response.end(url.includes('filters') ? '[]' : '[{"IPAM":{"Config":[{"Subnet":"0.0.0.0/0"}]}}]'),
  );
  const context = contextOn(docker);
  await expect(ensureNetwork(context, 'mine')).rejects.toMatchObject({ code: 'network.full' });
  await docker.close();
});
