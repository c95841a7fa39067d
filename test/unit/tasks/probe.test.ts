import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Health } from '../../../src/domain/service.js';
import type { Behaviour } from '../../fakes/engine.js';
import { at, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080, { count: 1 });
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet(1);
});

/** Deploys a release that behaves like this, checked with these settings. */
async function deployed(behaviour: Behaviour, health: Partial<Health> = {}, { port = true } = {}) {
  fleet.push('web', 'x', behaviour);
  const { port: _, ...portless } = web;
  const service = at({ ...(port ? web : portless), health: { ...web.health, ...health } }, 'x');
  const { exitCode, failures } = await fleet.deploy(service);
  const { message = '', hint = '' } = failures[0] ?? {};
  return { exitCode, message, hint };
}

const healthy = { exitCode: 0, message: '', hint: '' };
const range = (from: number, to = from) => ({ from, to });
const { path: _, ...pathless } = web.health;

/** Deploys with a check that has no path. */
async function withoutPath(behaviour: Behaviour, health: Partial<Health>, port = false) {
  fleet.push('web', 'x', behaviour);
  const { port: published, ...portless } = web;
  const service = { ...(port ? { ...portless, ...(published ? { port: published } : {}) } : portless) };
  const { exitCode, failures } = await fleet.deploy(
    at({ ...service, health: { ...pathless, ...health } }, 'x'),
  );
  return { exitCode, message: failures[0]?.message ?? '', hint: failures[0]?.hint ?? '' };
}

describe('an application that answers to its own name only', () => {
  const shop: Behaviour = { onlyHost: 'shop.example.com' };

  it('fails with the name that was sent and the setting, and passes with it', async () => {
    const { message, hint } = await deployed(shop);
    expect(message).toBe('not healthy within 1 s: HTTP 400');
    expect(hint).toBe(
      'if the application checks the Host header (this check sends localhost:8080), set health: { host: shop.example.com } in oneclick.yml',
    );
    expect(await deployed(shop, { host: 'shop.example.com' })).toEqual(healthy);
  });

  it('names the configured name if that is refused too', async () => {
    const { hint } = await deployed(shop, { host: 'other.example.com' });
    expect(hint).toBe(
      'check that the application accepts the Host header other.example.com, from health in oneclick.yml',
    );
  });

  it.each([400, 403, 421])('has the same hint for HTTP %i', async (answers) => {
    expect((await deployed({ answers })).hint).toContain('health: { host: shop.example.com }');
  });
});

describe('an application that redirects', () => {
  const secure: Behaviour = { answers: 301, location: 'https://shop.example.com/' };

  it('to HTTPS fails with the target, and passes with the header of its proxy or the status', async () => {
    const { exitCode, message, hint } = await deployed(secure);
    expect({ exitCode, message }).toEqual({
      exitCode: 6,
      message: 'not healthy within 1 s: HTTP 301, a redirect to https://shop.example.com/',
    });
    expect(hint).toBe(
      'the application requires HTTPS: send the header of its proxy, health: { headers: { X-Forwarded-Proto: https } }, or accept it: health: { status: [200-299, 301] }',
    );
    expect(await deployed(secure, { headers: { 'X-Forwarded-Proto': 'https' } })).toEqual(healthy);
    expect(await deployed(secure, { status: [range(200, 299), range(301)] })).toEqual(healthy);
  });

  it('to a page fails with the path of the page', async () => {
    const { message, hint } = await deployed({ answers: 302, location: '/login?next=/' });
    expect(message).toBe('not healthy within 1 s: HTTP 302, a redirect to /login?next=/');
    expect(hint).toContain('health: { path: /login?next=/ }, or accept it');
  });

  it('without a target, or to itself, can be accepted', async () => {
    const accept = 'to accept it, set health: { status: [200-299, 302] } in oneclick.yml';
    expect((await deployed({ answers: 302 })).hint).toContain('status: [200-299, 302]');
    for (const location of ['http://localhost:8080/', 'https://login.example.com/start', 'login', '/a,b'])
      expect((await deployed({ answers: 302, location })).hint).toBe(accept);
    const own = await deployed({ answers: 302, location: 'http://localhost:8080/start#top' });
    expect(own.hint).toContain('health: { path: /start }');
  });

  it('is undone to, rolled back to and restarted, if a version before accepted it', async () => {
    fleet.push('web', 'old', secure);
    fleet.push('web', 'bad', { answers: 500 });
    fleet.push('web', 'good');
    const old = at(web, 'old');
    // The version before: any 3xx was healthy.
    fleet.host('host-1').answerFrom = async () => 200;
    expect(await fleet.deploy(old)).toMatchObject({ exitCode: 0 });
    fleet.host('host-1').answerFrom = async () => undefined;
    expect(await fleet.deploy(at(web, 'bad'))).toMatchObject({ exitCode: 6 });
    expect(fleet.running()).toEqual(['host-1 web 1 unless-stopped']);
    expect(await fleet.run('restart', [old])).toMatchObject({ exitCode: 0 });
    expect(await fleet.deploy(at(web, 'good'))).toMatchObject({ exitCode: 0 });
    expect(await fleet.rollback(web)).toMatchObject({ exitCode: 0 });
    expect(fleet.running()).toEqual(['host-1 web 1 unless-stopped']);
  });

  it('is refused in a rollback too, if the release has a status', async () => {
    fleet.push('web', 'a', secure);
    fleet.push('web', 'b');
    const strict = { ...web, health: { ...web.health, status: [range(200)] } };
    fleet.host('host-1').answerFrom = async () => 200;
    await fleet.deploy(at(strict, 'a'));
    fleet.host('host-1').answerFrom = async () => undefined;
    await fleet.deploy(at(strict, 'b'));
    expect(await fleet.rollback(strict)).toMatchObject({ exitCode: 6 });
    expect(fleet.running()).toEqual(['host-1 web 2 unless-stopped']);
  });
});

describe('a check', () => {
  it('of an application that speaks TLS needs the scheme', async () => {
    expect(await deployed({ tls: true })).toMatchObject({ exitCode: 6 });
    expect(await deployed({ tls: true }, { scheme: 'https' })).toEqual(healthy);
    const { hint } = await deployed({ answers: 400, body: 'The plain HTTP request was sent to HTTPS port' });
    expect(hint).toBe('if this port speaks HTTPS, set health: { scheme: https } in oneclick.yml');
  });

  it('that requires a login names the status to accept', async () => {
    expect((await deployed({ answers: 401 })).hint).toContain('health: { status: [200-299, 401] }');
    expect(await deployed({ answers: 401 }, { status: [range(401)] })).toEqual(healthy);
    expect(await deployed({ answers: 200 }, { status: [range(204)] })).toMatchObject({ exitCode: 6 });
  });

  it('of another port goes to the address of the container', async () => {
    const admin: Behaviour = { answers: 500, inside: { 9000: 200, 9001: 503 } };
    expect(await deployed(admin, { port: 9000 })).toEqual(healthy);
    expect(await deployed(admin, { port: 9000 }, { port: false })).toEqual(healthy);
    expect((await deployed(admin, { port: 9001 })).message).toBe('not healthy within 1 s: HTTP 503');
    expect(await withoutPath(admin, { port: 9001 })).toEqual(healthy);
    expect((await withoutPath(admin, { port: 9002 })).message).toContain('nothing listens on port 9002');
    const { message } = await withoutPath({}, { port: 9000 });
    expect(message).toBe('not healthy within 1 s: the container has no address on the host');
  });

  it('of the published port, by its number in the container, is the usual one', async () => {
    expect(await deployed({ answers: 200 }, { port: 80 })).toEqual(healthy);
  });
});

describe('a command in the container', () => {
  it('decides alone', async () => {
    const runs = (argv: readonly string[]) => ({ code: argv.join(' ') === 'bin/alive now' ? 0 : 1 });
    const command = ['bin/alive', 'now'];
    expect(await withoutPath({ runs, health: 'unhealthy', answers: 'refused' }, { command }, true)).toEqual(
      healthy,
    );
  });

  it('that fails is reported with its exit code and last line', async () => {
    const runs = () => ({ code: 2, stdout: 'checking\n', stderr: 'no \u001b[31mdatabase\n\n' });
    expect(await withoutPath({ runs }, { command: ['bin/alive'] })).toMatchObject({
      exitCode: 6,
      message: 'not healthy within 1 s: bin/alive exited with code 2: no [31mdatabase',
    });
  });

  it('in a container that exits meanwhile reports the exit', async () => {
    const runs = () => {
      fleet.host('host-1').engine.crash('shop-production-web-1', 3);
      return { code: 137 };
    };
    expect(await withoutPath({ runs }, { command: ['bin/alive'] })).toMatchObject({
      exitCode: 6,
      message: 'the container exited with code 3',
    });
  });
});
