import { expect, it } from '@jest/globals';
import { type Audit, auditOf, auditVolume } from '../../../src/domain/audit.js';

const scope = { project: 'shop', environment: 'production' };
const taken: Audit = {
  what: 'lease.take',
  who: 'ada@here',
  at: '2026-01-01T00:00:00Z',
  run: 'a1b2c3',
  whose: 'ben@there',
};

it('an audit entry survives a round trip through a volume', () => {
  const { name, labels } = auditVolume(scope, taken);
  expect(name).toBe('oneclick-audit-shop-production-a1b2c3');
  expect(labels).toMatchObject({ 'oneclick.audit': 'shop/production', 'oneclick.project': 'shop' });
  expect(auditOf(labels)).toEqual(taken);
});

it('invalid labels give no audit entry', () => {
  for (const entry of [undefined, '', '{', 'null', '{"what":"lease.take"}'])
    expect(auditOf(entry === undefined ? {} : { 'oneclick.audit-entry': entry })).toBeUndefined();
});

it('entries of newer versions are shown: unknown keys are ignored, and other actions keep their names', () => {
  const entry = JSON.stringify({ ...taken, what: 'lease.extend', ticket: 'OPS-1' });
  expect(auditOf({ 'oneclick.audit-entry': entry })).toEqual({ ...taken, what: 'lease.extend' });
});
