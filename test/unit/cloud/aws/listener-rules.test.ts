import type { Action, Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, it } from '@jest/globals';
import { forwardedTo, rulesFor } from '../../../../src/cloud/aws/listener-rules.js';

const toWeb: Action = { Type: 'forward', TargetGroupArn: 'arn:web' };
const weighted = (web: number, api: number): Action => ({
  Type: 'forward',
  ForwardConfig: {
    TargetGroups: [
      { TargetGroupArn: 'arn:web', Weight: web },
      { TargetGroupArn: 'arn:api', Weight: api },
    ],
  },
});
const oidc = (OnUnauthenticatedRequest: 'allow' | 'authenticate'): Action => ({
  Type: 'authenticate-oidc',
  AuthenticateOidcConfig: {
    ...{ Issuer: '', AuthorizationEndpoint: '', TokenEndpoint: '', UserInfoEndpoint: '', ClientId: '' },
    OnUnauthenticatedRequest,
  },
});
const fixed: Action = { Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } };

describe('the rules of a listener, as a group sees them', () => {
  it.each<[string, Action[], string]>([
    ['forwards to it', [toWeb], 'forward'],
    ['forwards to it and another', [weighted(9, 1)], 'split'],
    ['has a group without weight', [weighted(1, 0)], 'forward'],
    ['gives it no weight', [weighted(0, 1)], 'other'],
    ['requires a login', [oidc('authenticate'), toWeb], 'login'],
    ['allows requests without a login', [oidc('allow'), toWeb], 'forward'],
    ['checks a token', [{ Type: 'jwt-validation' }, toWeb], 'login'],
    ['redirects', [{ Type: 'redirect', RedirectConfig: { StatusCode: 'HTTP_301' } }], 'other'],
  ])('one that %s', (_, Actions, action) => {
    const rules = rulesFor([{ Actions }, { Actions: [fixed] }], 'arn:web');
    expect(rules?.map((rule) => rule.action)).toEqual([action, 'other']);
  });

  it('are left out if all requests go to the group', () => {
    expect(rulesFor([{ Actions: [toWeb] }], 'arn:web')).toBeUndefined();
  });

  it('belong to all groups that they name, also without weight', () => {
    expect(forwardedTo({ Actions: [weighted(0, 1)] })).toEqual(['arn:web', 'arn:api']);
    expect(forwardedTo({ Actions: [fixed] })).toEqual([]);
  });

  it('have all kinds of conditions', () => {
    const Conditions: NonNullable<Rule['Conditions']> = [
      { Field: 'host-header', HostHeaderConfig: { Values: ['*.example.com'] } },
      { Field: 'path-pattern', Values: ['/api/*'] },
      { Field: 'http-request-method', HttpRequestMethodConfig: { Values: ['GET'] } },
      { Field: 'http-header', HttpHeaderConfig: { HttpHeaderName: 'X-Key', Values: ['a'] } },
      {
        Field: 'query-string',
        QueryStringConfig: { Values: [{ Key: 'v', Value: '1' }, { Value: 'x' }] },
      },
      { Field: 'source-ip', SourceIpConfig: { Values: ['10.0.0.0/8'] } },
      { Field: 'path-pattern', PathPatternConfig: { RegexValues: ['^/v[0-9]'] } },
      { Field: 'moon-phase' },
    ];
    expect(rulesFor([{ Conditions, Actions: [toWeb] }, { Actions: [] }], 'arn:web')?.[0]?.conditions).toEqual(
      [
        { kind: 'host', values: ['*.example.com'] },
        { kind: 'path', values: ['/api/*'] },
        { kind: 'method', values: ['GET'] },
        { kind: 'header', name: 'X-Key', values: ['a'] },
        { kind: 'query', pairs: [{ key: 'v', value: '1' }, { value: 'x' }] },
        { kind: 'other', text: "the sender's address" },
        { kind: 'other', text: 'a regular expression' },
        { kind: 'other', text: 'a condition on moon-phase' },
      ],
    );
  });
});
