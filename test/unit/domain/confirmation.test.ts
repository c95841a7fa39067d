import { describe, expect, it } from '@jest/globals';
import { type ConfirmationOptions, confirmationsOf } from '../../../src/domain/confirmation.js';
import type { Listener, ListenerRule, RuleCondition, TargetGroup } from '../../../src/domain/target-group.js';
import { defaultSettings, fakeBalancer } from '../../fakes/cloud.js';

const address = 'shop.elb.amazonaws.com';
const host = (...values: readonly string[]): RuleCondition => ({ kind: 'host', values });
const path = (...values: readonly string[]): RuleCondition => ({ kind: 'path', values });
const to = (action: ListenerRule['action'], ...conditions: readonly RuleCondition[]) => ({
  conditions,
  action,
});

function confirm(
  listeners: readonly (Listener | readonly ListenerRule[])[],
  options: Partial<ConfirmationOptions> = {},
) {
  const group: TargetGroup = {
    ...{ arn: 'arn', name: 'shop-web', protocol: 'HTTP', settings: defaultSettings },
    balancers: [
      fakeBalancer('shop', {
        address,
        listeners: listeners.map((one) =>
          'protocol' in one ? one : { protocol: 'HTTP', port: 80, rules: one },
        ),
      }),
    ],
  };
  const result = confirmationsOf(group, { usualPath: '/up', ...options });
  if ('reason' in result) return result.reason;
  return result.requests.map(({ address: _, port: __, scheme: ___, ...rest }) => rest);
}

describe('the request that confirms a release', () => {
  it.each<[string, readonly ListenerRule[], object]>([
    ['is the usual path if all requests are forwarded', [to('forward')], {}],
    [
      'names the host of a rule',
      [to('forward', host('a.example.com')), to('other')],
      { host: 'a.example.com' },
    ],
    [
      'prefers an exact host to a pattern',
      [to('forward', host('*.example.com', 'Shop.example.com')), to('other')],
      { host: 'shop.example.com' },
    ],
    [
      'makes up a host that matches a pattern',
      [to('forward', host('*.shop-?.com')), to('other')],
      { host: 'oneclick.shop-a.com', isGuess: true },
    ],
    ['keeps the usual path if a rule matches it', [to('forward', path('/api/*', '/u?')), to('other')], {}],
    [
      'makes up a path that matches',
      [to('forward', path('/api/*')), to('other')],
      { path: '/api/', isGuess: true },
    ],
    [
      'avoids what a rule before sends elsewhere',
      [to('other', path('/api/*')), to('forward', path('/api/*', '/v1*')), to('other')],
      { path: '/v1', isGuess: true },
    ],
    [
      'meets all conditions at once',
      [to('forward', host('a.example.com'), path('/up')), to('other')],
      { host: 'a.example.com' },
    ],
    [
      'has the header and query of a rule',
      [
        to(
          'forward',
          { kind: 'header', name: 'X-Key', values: ['abc'] },
          { kind: 'query', pairs: [{ key: 'v', value: '\\*1' }] },
        ),
        to('other'),
      ],
      { path: '/up?v=*1', headers: { 'x-key': 'abc' } },
    ],
    [
      'may meet a rule that cannot be decided, if that leads to the same group',
      [
        to('forward', { kind: 'other', text: 'a regular expression' }),
        to('forward', path('/up')),
        to('other'),
      ],
      {},
    ],
    [
      'uses a rule of its own if the default is shared',
      [to('forward', host('a.example.com')), to('split')],
      { host: 'a.example.com' },
    ],
    ['is a GET where that is allowed', [to('forward', { kind: 'method', values: ['GET'] }), to('other')], {}],
  ])('%s', (_, rules, request) => {
    expect(confirm([rules])).toEqual([{ path: '/up', ...request }]);
  });

  it.each<[string, readonly ListenerRule[], string]>([
    [
      'other groups share it',
      [to('split')],
      'port 80 of shop divides the requests for shop-web among several groups',
    ],
    ['a login comes first', [to('login')], 'port 80 of shop requires a login'],
    [
      'it depends on the sender',
      [to('forward', { kind: 'other', text: "the sender's address" }), to('other')],
      "port 80 of shop forwards to shop-web depending on the sender's address",
    ],
    [
      'it is not a GET',
      [to('forward', { kind: 'method', values: ['POST', 'PUT'] }), to('other')],
      'port 80 of shop forwards to shop-web depending on the method POST or PUT',
    ],
    [
      'another rule comes first',
      [to('other', path('*')), to('forward')],
      'port 80 of shop does not forward any request for certain to shop-web',
    ],
    [
      'a rule before cannot be decided',
      [to('other', { kind: 'other', text: 'a regular expression' }), to('forward')],
      'port 80 of shop does not forward any request for certain to shop-web',
    ],
  ])('does not exist if %s', (_, rules, reason) => {
    expect(confirm([rules])).toBe(reason);
  });

  it('does not exist without an HTTP listener', () => {
    expect(confirm([{ protocol: 'TCP', port: 80 }])).toBe('shop-web has no HTTP or HTTPS listener');
  });

  it('is found on any listener, and reasons are given only if there is none', () => {
    const listener: Listener = { protocol: 'HTTPS', port: 443 };
    expect(confirm([[to('split')], listener])).toEqual([{ path: '/up' }]);
  });

  it('takes host and path from the configuration, and is checked against the rules', () => {
    const rules = [to('forward', host('*.example.com')), to('other')];
    const own = { host: 'shop.example.com', path: '/health' };
    expect(confirm([rules], own)).toEqual([own]);
    expect(confirm([rules], { ...own, host: 'shop.example.org' })).toBe(
      'port 80 of shop does not forward GET http://shop.example.org/health to shop-web',
    );
    expect(confirm([[to('forward', path('/api/*')), to('other')]], { path: '/up' })).toMatch(
      /^port 80 of shop does not forward GET http:\/\/shop\.elb\.amazonaws\.com\/up to shop-web$/,
    );
  });

  it('verifies the certificate for a host that users send', () => {
    const over = (...rules: readonly ListenerRule[]): Listener => ({ protocol: 'HTTPS', port: 443, rules });
    expect(confirm([over(to('forward', host('a.example.com')), to('other'))])).toEqual([
      { path: '/up', host: 'a.example.com', serverName: 'a.example.com' },
    ]);
    expect(confirm([over(to('forward', host('*.example.com')), to('other'))])).toEqual([
      { path: '/up', host: 'oneclick.example.com', isGuess: true },
    ]);
    expect(confirm([over(to('forward'))], { host: address })).toEqual([{ path: '/up', serverName: address }]);
  });

  it('matches patterns with many stars quickly', () => {
    const slow = path(`${'*a'.repeat(30)}b`);
    expect(confirm([[to('other', slow), to('forward')]], { path: `/${'a'.repeat(100)}` })).toHaveLength(1);
  });
});
