import { describe, expect, it } from '@jest/globals';
import { fixedAddress, hasName, lowerHalf } from '../../../src/domain/service-names.js';

const free: ReadonlySet<string> = new Set();

describe('a fixed address', () => {
  it('is the same for the same container, and in the half that the engine does not choose from', () => {
    const address = fixedAddress('172.20.0.0/16', 'shop-production-web-1', free) ?? '';
    expect(fixedAddress('172.20.0.0/16', 'shop-production-web-1', free)).toBe(address);
    expect(lowerHalf('172.20.0.0/16')).toBe('172.20.0.0/17');
    expect(Number(address.split('.')[2])).toBeGreaterThanOrEqual(128);
  });

  it('is never taken, the broadcast address, or one below the half', () => {
    const taken = new Set<string>();
    for (let count = 0; count < 7; count++) {
      const address = fixedAddress('10.1.2.16/28', 'web', taken);
      expect(taken.has(address ?? '')).toBe(false);
      taken.add(address ?? '');
    }
    expect([...taken].sort()).toEqual([24, 25, 26, 27, 28, 29, 30].map((last) => `10.1.2.${last}`));
    expect(fixedAddress('10.1.2.16/28', 'web', taken)).toBeUndefined();
  });

  it('exists for subnets that start above 128', () => {
    expect(fixedAddress('192.168.240.0/20', 'web', free)).toMatch(/^192\.168\.2(4[89]|5\d)\.\d+$/);
  });
});

describe('the name of a service', () => {
  it('is an alias on any network', () => {
    expect(hasName({}, 'web')).toBe(false);
    expect(hasName({ aliases: { shop: ['web'] } }, 'web')).toBe(true);
    expect(hasName({ aliases: { shop: ['worker'] } }, 'web')).toBe(false);
  });
});
