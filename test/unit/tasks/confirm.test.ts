import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Service } from '../../../src/domain/service.js';
import type { Listener, ListenerRule } from '../../../src/domain/target-group.js';
import type { Probe } from '../../../src/host/host.js';
import { fakeBalancer } from '../../fakes/cloud.js';
import { at, Fleet, serviceOn } from './fleet.js';

const web: Service = {
  ...serviceOn('web', 80, { count: 1, targetGroup: 'shop-web', swap: 'beside' }),
  port: { host: 80, container: 80, range: { from: 20_000, to: 20_040 } },
};
const address = 'shop-lb.elb.example.com';
const toHost: ListenerRule = {
  conditions: [{ kind: 'host', values: ['shop.example.com'] }],
  action: 'forward',
};
const notFound: ListenerRule = { conditions: [], action: 'other' };

let fleet: Fleet;
let probes: Probe[];

/** A service behind a load balancer with this listener, which answers with these statuses. */
function serve(listener: Listener, answer: (probe: Probe) => number = () => 200): void {
  const balancer = fakeBalancer('shop-lb', { address, listeners: [listener] });
  fleet.cloud.addGroup('shop-web', { balancers: [balancer] });
  for (const host of fleet.hosts)
    host.answerFrom = async (requested, probe) => {
      if (requested !== address) return undefined;
      probes.push(probe);
      return answer(probe);
    };
}

beforeEach(() => {
  fleet = new Fleet(1);
  probes = [];
  for (const tag of ['v1', 'v2']) fleet.push('web', tag);
  fleet.cloud.launch('i-1');
});

describe('a deploy behind rules of a load balancer', () => {
  it('requests a host that a rule forwards, if the default returns 404', async () => {
    const answer = ({ host }: Probe) => (host === 'shop.example.com' ? 200 : 404);
    serve({ protocol: 'HTTP', port: 80, rules: [toHost, notFound] }, answer);
    expect((await fleet.dryRun('deploy', [web])).changes).toContain(
      `host-1: GET http://shop.example.com/ (at ${address})`,
    );
    expect((await fleet.deploy(web)).result).toBe('done');
    expect(probes).toMatchObject([
      { address, port: 80, path: '/', host: 'shop.example.com' },
      { address, host: 'shop.example.com' },
    ]);
  });

  it('fails if only another service answers', async () => {
    const answer = ({ host }: Probe) => (host === 'shop.example.com' ? 502 : 200);
    serve({ protocol: 'HTTP', port: 80, rules: [toHost, notFound] }, answer);
    const { result, failures } = await fleet.deploy(web);
    expect([result, failures[0]?.code]).toEqual(['reverted', 'target.unconfirmed']);
    expect(failures[0]?.hint).toContain('set confirm: { host, path }');
  });

  it('requests the address of the load balancer if there are no rules', async () => {
    serve({ protocol: 'HTTP', port: 8080 });
    expect((await fleet.deploy(web)).result).toBe('done');
    expect(probes[0]).toEqual({ address, port: 8080, path: '/', host: `${address}:8080`, timeout: 5000 });
  });

  it('speaks HTTPS with the name that the certificate is for', async () => {
    serve({ protocol: 'HTTPS', port: 443, rules: [toHost, notFound] });
    expect((await fleet.deploy(web)).result).toBe('done');
    expect(probes[0]).toMatchObject({
      ...{ address, port: 443, scheme: 'https', host: 'shop.example.com', serverName: 'shop.example.com' },
    });
  });

  it('accepts a 404 for a path that only matches a rule, but no 502', async () => {
    const api: ListenerRule = { conditions: [{ kind: 'path', values: ['/api/*'] }], action: 'forward' };
    let status = 404;
    serve({ protocol: 'HTTP', port: 80, rules: [api, notFound] }, () => status);
    expect((await fleet.deploy(web)).result).toBe('done');
    expect(probes[0]).toMatchObject({ path: '/api/' });
    status = 502;
    expect((await fleet.deploy(at(web, 'v2'))).failures[0]?.code).toBe('target.unconfirmed');
  });

  it('says once that nothing can be confirmed, and why, and succeeds', async () => {
    const split: ListenerRule = { conditions: [], action: 'split' };
    serve({ protocol: 'HTTP', port: 80, rules: [split] }, () => 500);
    const because =
      'nothing can be confirmed: port 80 of shop-lb divides the requests for shop-web among several groups';
    const { steps, cautions } = await fleet.preview('deploy', [web]);
    expect(cautions.filter((text) => text.includes('confirm'))).toEqual([`web: ${because}`]);
    expect(steps.filter(({ step }) => step.task === 'target.confirm').map(({ verdict }) => verdict)).toEqual([
      { kind: 'done', because },
      { kind: 'done', because },
    ]);
    expect((await fleet.deploy(web)).result).toBe('done');
    expect(probes).toEqual([]);
  });
});

describe('the configuration of a confirmation', () => {
  it('names the host and the path', async () => {
    serve({ protocol: 'HTTP', port: 80, rules: [toHost, notFound] });
    const confirm = { host: 'shop.example.com', path: '/health?deep=1' };
    expect((await fleet.deploy({ ...web, confirm })).result).toBe('done');
    expect(probes[0]).toMatchObject(confirm);
  });

  it('is no part of a release', async () => {
    serve({ protocol: 'HTTP', port: 80 });
    await fleet.deploy(web);
    const before = fleet.state();
    await fleet.deploy({ ...web, confirm: { path: '/health' } });
    expect(fleet.state()).toEqual(before);
  });

  it('turns it off', async () => {
    serve({ protocol: 'HTTP', port: 80 }, () => 500);
    expect((await fleet.deploy({ ...web, confirm: { off: true } })).result).toBe('done');
    expect(probes).toEqual([]);
  });

  it('sends the request from this machine, and reports a wrong certificate', async () => {
    serve({ protocol: 'HTTPS', port: 443, rules: [toHost, notFound] }, () => 500);
    const sent: Probe[] = [];
    fleet.probeFromHere = async (probe) => {
      sent.push(probe);
      return { status: 200, body: '', duration: 1, certificateProblem: 'the certificate has expired' };
    };
    const here: Service = { ...web, confirm: { from: 'here' } };
    expect((await fleet.dryRun('deploy', [here])).changes).toContain(
      `undefined: GET https://shop.example.com/ (at ${address})`,
    );
    expect((await fleet.deploy(here)).result).toBe('done');
    expect([probes.length, sent.length, sent[0]?.address]).toEqual([0, 2, address]);
    expect(fleet.events).toContainEqual(
      expect.objectContaining({ text: 'https://shop.example.com/: the certificate has expired' }),
    );
  });

  it('is explained as a command for curl', async () => {
    serve({ protocol: 'HTTPS', port: 443, rules: [toHost, notFound] });
    const commands = async (service: Service) =>
      (await fleet.explain('deploy', [service])).filter(({ line }) => line.includes('shop.example.com'));
    const line = `curl --fail --silent --connect-to ::${address}:443 https://shop.example.com/`;
    expect(await commands(web)).toMatchObject([{ host: 'host-1', line }, { line }]);
    const [here] = await commands({ ...web, confirm: { from: 'here' } });
    expect([here?.host, here?.line]).toEqual([undefined, line]);
  });
});
