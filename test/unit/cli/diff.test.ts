import { describe, expect, it } from '@jest/globals';
import { comparedReleases } from '../../../src/app/diff.js';
import { parseDiffArguments } from '../../../src/cli/commands/diff/run.js';
import { containerSpec } from '../../../src/domain/container.js';
import { specChanges } from '../../../src/domain/difference.js';
import { releaseLog } from '../../../src/domain/log.js';
import { diffText } from '../../../src/report/diff.js';
import { plainStyle } from '../../../src/report/style.js';
import { at, Fleet, serviceOn } from '../tasks/fleet.js';

const web = serviceOn('web', 8080, { count: 1, image: { kind: 'fixed', reference: 'registry.test/web:v1' } });

describe('the arguments of a diff', () => {
  it('are up to two releases and a service, in any order', () => {
    expect(parseDiffArguments(['2', 'web', 'next'])).toEqual({ releases: ['2', 'next'], names: ['web'] });
    expect(() => parseDiffArguments(['1', '2', '3'])).toThrow(expect.objectContaining({ kind: 'usage' }));
    expect(() => parseDiffArguments(['web', 'api'])).toThrow(expect.objectContaining({ kind: 'usage' }));
  });

  it('default to the previous and the current release', async () => {
    const fleet = new Fleet(1);
    for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
    for (const tag of ['v1', 'v2', 'v3']) await fleet.deploy(at(web, tag));
    await fleet.rollback(web);
    const log = releaseLog(await fleet.facts([web]), 'web');
    const numbers = (...words: readonly string[]) =>
      comparedReleases(log, web, { commit: undefined }, words).map(({ shown }) => shown.release);
    expect(numbers()).toEqual([3, 2]);
    expect(numbers('1')).toEqual([1, 2]);
    expect(numbers('next')).toEqual([2, null]);
    expect(numbers('3', '1')).toEqual([3, 1]);
    expect(() => numbers('9')).toThrow(expect.objectContaining({ hint: 'available: 1, 2, 3' }));
    expect(() => comparedReleases([], web, { commit: undefined }, [])).toThrow(
      expect.objectContaining({ code: 'release.unknown' }),
    );
  });
});

describe('a diff', () => {
  it('shows keys with values, and secrets by name', () => {
    const spec = (parts: Parameters<typeof serviceOn>[2]) =>
      containerSpec({ ...web, ...parts }, 'web@sha256:1');
    const keys = specChanges(
      spec({ env: { LEVEL: 'info', SAME: '1' }, secrets: ['OLD'], command: ['a'] }),
      spec({ env: { LEVEL: 'debug', SAME: '1' }, secrets: ['NEW'], command: ['a', 'b'] }),
    );
    const side = { release: 1, reference: 'web:v1', image: 'web@sha256:1', commit: 'abcdef012345' };
    const services = [
      {
        ...{ name: 'web', from: side, to: { ...side, release: 2 }, commits: null },
        keys: [...keys, { key: 'secrets.ROTATED', from: 'set', to: 'changed' }],
      },
      { name: 'api', from: side, to: { ...side, release: null, image: null }, keys: [], commits: [] },
    ];
    const page = { columns: 80, style: plainStyle };
    expect(diffText({ environment: 'production', services }, page)).toBe(
      [
        'web: release 1 -> release 2',
        'config  command: ["a"] -> ["a","b"]',
        'config  env.LEVEL: info -> debug',
        'config  secret NEW added',
        'config  secret OLD removed',
        'config  secret ROTATED changed',
        '',
        'api: release 1 -> current configuration',
        'digest  sha256:1 -> resolved at deploy',
        '',
      ].join('\n'),
    );
  });
});
