import { describe, expect, it } from '@jest/globals';
import { logOptions } from '../../../src/cli/commands/logs/run.js';

const now = new Date('2026-01-02T12:00:00Z');

describe('the options of logs', () => {
  const asked = (flags: Partial<Parameters<typeof logOptions>[0]>) =>
    logOptions({ follow: false, ...flags }, now);

  it('default to 100 lines, or to all with --since or --grep', () => {
    expect(asked({})).toEqual({ follow: false, lines: 100 });
    expect(asked({ grep: 'error' })).toEqual({ follow: false });
    expect(asked({ since: '10m' })).toEqual({ follow: false, since: '2026-01-02T11:50:00.000Z' });
    expect(asked({ since: '2d', lines: 3 })).toEqual({
      ...{ follow: false, lines: 3 },
      since: '2025-12-31T12:00:00.000Z',
    });
  });

  it('accept an ISO 8601 time and refuse other text', () => {
    expect(asked({ since: '2026-01-01T10:00:00+02:00' }).since).toBe('2026-01-01T08:00:00.000Z');
    for (const since of ['yesterday', '10', '2026-13-01'])
      expect(() => asked({ since })).toThrow(expect.objectContaining({ kind: 'usage' }));
  });
});
