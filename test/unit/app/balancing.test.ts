import { describe, expect, it } from '@jest/globals';
import { chooseInstances } from '../../../src/app/balancing/choose-instances.js';
import { allowsTraffic } from '../../../src/domain/group-advice.js';
import { lbStatusText } from '../../../src/report/lb-status.js';
import { plainStyle } from '../../../src/report/style.js';
import { defaultSettings, fakeBalancer } from '../../fakes/cloud.js';
import { serviceOn } from '../tasks/fleet.js';

const services = [
  serviceOn('web', 80, { targetGroup: 'shop-web' }),
  serviceOn('api', 90, { targetGroup: 'shop-api', count: 2 }),
];
const tagged = async (names: readonly string[]) =>
  [{ id: 'i-3', tags: { Name: 'blue' } }].filter(({ tags }) => names.includes(tags.Name));

async function chosen(...words: readonly string[]): Promise<readonly string[]> {
  const found = await chooseInstances(services, words, tagged);
  return found.flatMap(({ name, instances }) => instances.map(({ id }) => `${name} ${id}`));
}

describe('the named instances', () => {
  it('are found by ID or host, in all their services', async () => {
    expect(await chosen('i-1')).toEqual(['web i-1', 'api i-1']);
    expect(await chosen('host-2', 'i-3')).toEqual(['web i-2', 'web i-3', 'api i-2']);
  });

  it('are found by place in a service, and by Name tag', async () => {
    expect(await chosen('api/2')).toEqual(['api i-2']);
    expect(await chosen('blue')).toEqual(['web i-3']);
  });

  it('are refused with a list or suggestion when unknown', async () => {
    await expect(chosen('i-1', 'api/3')).rejects.toMatchObject({
      hint: expect.stringMatching(/did you mean api/),
    });
    await expect(chosen('somewhere')).rejects.toMatchObject({
      ...{ kind: 'usage', code: 'instance.unknown' },
      evidence: expect.arrayContaining(['web/1: i-1 (host-1)']),
    });
  });
});

describe('the table of targets', () => {
  it('shows load balancers, health checks, and reasons for missing requests', () => {
    const text = lbStatusText(
      {
        environment: 'production',
        groups: [
          {
            ...{ service: 'web', name: 'shop-web', arn: 'arn', settings: defaultSettings },
            balancers: [
              {
                name: 'shop',
                address: '10.0.0.9',
                state: 'active',
                listeners: [{ protocol: 'HTTP', port: 80 }],
              },
            ],
            targets: [
              {
                ...{ id: 'i-0123456789abcdef0', host: 'web-1', port: 20_001, state: 'healthy', reason: '' },
                ...{ quarantine: null, release: 4, since: '2026-01-02T10:00:00.000Z' },
              },
              {
                ...{
                  id: 'i-0123456789abcdef1',
                  host: 'web-2',
                  port: null,
                  state: 'out',
                  reason: 'not registered',
                },
                ...{ quarantine: 'ada at 2026-01-02', release: null, since: null },
              },
            ],
          },
        ],
      },
      { columns: 80, style: plainStyle },
      new Date('2026-01-02T10:05:00.000Z'),
    );
    expect(`\n${text}`).toBe(`
web: 1 of 2 healthy in shop-web
lb      shop at 10.0.0.9, http:80
check   GET /up -> 200 every 5s, timeout 4s; healthy after 2, unhealthy after 2
drain   30s

INSTANCE             HOST    PORT  RELEASE  SINCE      STATE    REASON
i-0123456789abcdef0  web-1  20001        4  5 min ago  healthy
i-0123456789abcdef1  web-2      -        -  -          out      deactivated by
                                                                ada at
                                                                2026-01-02
`);
  });
});

describe('security groups', () => {
  const group = { balancers: [fakeBalancer('shop')] };
  const ports = { from: 20_000, to: 20_999 };
  const rule = { group: 'sg-instance', protocol: 'tcp', from: 20_000, to: 20_999, source: 'sg-balancer' };

  it.each([
    ['all ports for the balancer', [rule], true],
    ['everything', [{ ...rule, protocol: '-1', from: -1, to: -1 }], true],
    ['a range of addresses', [{ ...rule, source: '10.0.0.0/8' }], true],
    ['too few ports', [{ ...rule, to: 20_100 }], false],
    ['somebody else', [{ ...rule, source: 'sg-other' }], false],
    ['nobody', [], false],
  ])('with a rule for %s', (_, rules, open) => {
    expect(allowsTraffic(group, rules, ports)).toBe(open);
  });

  it('are ignored for a load balancer without any', () => {
    expect(allowsTraffic({ balancers: [fakeBalancer('net', { securityGroups: [] })] }, [], ports)).toBe(true);
  });
});
