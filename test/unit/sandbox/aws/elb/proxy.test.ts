import { describe, expect, test } from '@jest/globals';
import type { Balancer } from '../../../../../src/sandbox/aws/elb/balancer.js';
import { configOf } from '../../../../../src/sandbox/aws/elb/config.js';
import { commandsFor, readChecks, readServerStates } from '../../../../../src/sandbox/aws/elb/runtime.js';

function balancer(servers: Balancer['pools'][number]['servers'], idle = 60): Balancer {
  const check = { path: '/up', interval: 5, timeout: 2, healthy: 3, unhealthy: 2, matcher: '200' };
  return {
    ...{ name: 'web', id: '1', arn: 'arn:lb', address: '10.213.7.200', idle },
    frontends: [{ port: 80, rules: [], defaultAnswer: { type: 'forward', targetGroup: 'arn:web' } }],
    pools: [{ arn: 'arn:web', name: 'web', check, leastOutstanding: false, slowStart: 0, servers }],
  };
}

const server = (name: string, draining = false) => ({ name, draining });

describe('the configuration of a proxy', () => {
  test('needs a reload for all changes except servers', () => {
    const { structure } = configOf(balancer([]));
    expect(configOf(balancer([server('10.0.0.1:80')])).structure).toBe(structure);
    expect(configOf(balancer([], 30)).structure).not.toBe(structure);
  });

  test('never retries a request', () => {
    expect(configOf(balancer([])).files['haproxy.cfg']).toMatch(/^ {2}retries 0\n {2}no option redispatch$/m);
  });

  test('lists the servers for the next start, except draining ones', () => {
    const { files } = configOf(balancer([server('10.0.0.1:80'), server('10.0.0.2:80', true)]));
    expect(files['haproxy.cfg']).toMatch(/server 10.0.0.1:80 10.0.0.1:80 .*check inter 5s rise 3 fall 2$/m);
    expect(files['haproxy.cfg']).not.toContain('10.0.0.2');
  });
});

describe('a running proxy', () => {
  const state = (...rows: readonly string[]) =>
    readServerStates(['1', '# be_id be_name …', ...rows].join('\n'));
  const row = (key: string, admin: number) =>
    `3 ${key.replace('/', ' 1 ')} 10.0.0.1 2 ${admin} 1 1 4 15 3 4 6`;

  test('adds a server that gets no requests before its checks pass', () => {
    const commands = commandsFor(balancer([server('10.0.0.1:80')]), state());
    expect(commands.slice(1, 5)).toEqual([
      'set server web/10.0.0.1:80 state drain',
      'enable health web/10.0.0.1:80',
      'set server web/10.0.0.1:80 health down',
      'set server web/10.0.0.1:80 state ready',
    ]);
  });

  test('gets no commands if nothing changed', () => {
    const rows = [row('web/10.0.0.1:80', 0), row('web.open/10.0.0.1:80', 0)];
    expect(commandsFor(balancer([server('10.0.0.1:80')]), state(...rows))).toEqual([]);
    const drained = [row('web/10.0.0.1:80', 8), row('web.open/10.0.0.1:80', 8)];
    expect(commandsFor(balancer([server('10.0.0.1:80', true)]), state(...drained))).toEqual([]);
  });

  test('drains servers, reactivates draining ones, and removes missing ones', () => {
    const commands = (servers: Parameters<typeof balancer>[0], admin: number) =>
      commandsFor(balancer(servers), state(row('web/10.0.0.1:80', admin)))[0];
    expect(commands([server('10.0.0.1:80', true)], 0)).toBe('set server web/10.0.0.1:80 state drain');
    expect(commands([server('10.0.0.1:80')], 8)).toBe('set server web/10.0.0.1:80 state ready');
    expect(commands([], 8)).toBe('set server web/10.0.0.1:80 state maint');
  });

  test('reports the results of its checks', () => {
    const checks = readChecks(
      [
        '# pxname,svname,status,check_status,check_code,',
        'web,new,DOWN,* INI,,',
        'web,up,UP 1/3,L7OK,200,',
        'web,wrong,DOWN,L7STS,500,',
        'web,mute,DOWN,L7TOUT,,',
        'web,refuses,DOWN 1/2,L4CON,,',
      ].join('\n'),
    );
    expect(Object.fromEntries(checks)).toEqual({
      'web/new': { up: false, last: 'none' },
      'web/up': { up: true, last: 'passed', status: 200 },
      'web/wrong': { up: false, last: 'code', status: 500 },
      'web/mute': { up: false, last: 'timeout' },
      'web/refuses': { up: false, last: 'failed' },
    });
  });
});
