import { describe, expect, test } from '@jest/globals';
import { address, freeSubnet } from '../../../src/sandbox/network.js';

describe('the subnet of a sandbox', () => {
  test('is the first one when nothing is in the way', () => {
    expect(freeSubnet(['172.17.0.0/16', '127.0.0.1/8', 'fe80::1/64'])).toBe('10.213.0.0/24');
  });

  test('overlaps no network that is there, wider or narrower', () => {
    expect(freeSubnet(['10.213.0.128/25', '10.213.1.7/32', '10.213.2.0/23'])).toBe('10.213.4.0/24');
  });

  test('leaves 10.0.0.0/8 to a machine that sits in it', () => {
    expect(freeSubnet(['10.4.5.6/8'])).toBe('198.18.0.0/24');
  });

  test('is refused when none is free', () => {
    expect(() => freeSubnet(['0.0.0.0/0'])).toThrow('no free private subnet');
  });
});

test('addresses are fixed by role and number', () => {
  const network = { id: 'n', name: 'oneclick-x', prefix: '10.213.4.', registryPort: 5500 };
  expect(address(network, 'registry')).toBe('10.213.4.2');
  expect(address(network, 1)).toBe('10.213.4.11');
});
