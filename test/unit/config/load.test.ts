import { describe, expect, it } from '@jest/globals';
import { chooseEnvironment, loadProject, resolveEnvironment } from '../../../src/config/load.js';
import { configContext, failureOf } from './context.js';

const shop = `project: shop
registry: ghcr.io/acme
ssh: {user: deploy, key: ~/.ssh/shop, bastion: "jump@gate.example.com:2222"}
services:
  web:
    build: .
    port: "80:3000"
    health: /up
    env: {VERSION: 1.10, GREETING: "hi \${NAME:-you}"}
    needs: [db]
  worker: {build: ., command: node worker.js}
  db: {image: "postgres:16", volumes: ["data:/var/lib/postgresql/data"]}
environments:
  production:
    hosts:
      web-1: 10.0.0.1
      web-2: {address: 10.0.0.2, id: i-0123456789abcdef0}
    services:
      web: {health: {deadline: 2m}, env: {GREETING: null, MODE: live}}
      worker: {hosts: [web-2]}
      db: null
  staging: {hosts: [10.1.0.1]}
`;

const user = `hosts:
  sandbox-1: {address: 172.20.0.2, port: 22, id: m-1}
ssh: {user: deploy, key: key, known_hosts: /state/known_hosts}
registry: 127.0.0.1:5055
`;

const setting = configContext({ '/project/oneclick.yml': shop, '/state/environments/sandbox.yml': user });

async function resolved(name?: string) {
  const project = await loadProject(setting);
  return (await resolveEnvironment(project, name, setting)).environment;
}

describe('an environment', () => {
  it('has every default applied and its own keys merged over the services', async () => {
    const production = await resolved('production');
    expect(production.services.map(({ name }) => name)).toEqual(['web', 'worker']);
    expect(production.services[0]).toEqual({
      name: 'web',
      image: { kind: 'build', repository: 'ghcr.io/acme/shop-web', context: '/project' },
      port: { host: 80, container: 3000 },
      health: { path: '/up', interval: 500, timeout: 5000, deadline: 120_000, settle: 3000 },
      env: { VERSION: '1.10', MODE: 'live' },
      secrets: [],
      volumes: [],
      restart: 'unless-stopped',
      stop: { timeout: 10_000 },
      swap: 'plain',
      singleton: false,
      needs: [],
      keep: 5,
      docker: {},
      instances: [
        { id: 'web-1', host: 'web-1' },
        { id: 'i-0123456789abcdef0', host: 'web-2' },
      ],
    });
    expect(production.services[1]?.command).toEqual(['node', 'worker.js']);
    expect(production.services[1]?.instances).toEqual([{ id: 'i-0123456789abcdef0', host: 'web-2' }]);
  });

  it('applies the ssh settings to its hosts, with the bastion', async () => {
    expect((await resolved('production')).hosts[1]).toEqual({
      name: 'web-2',
      address: '10.0.0.2',
      user: 'deploy',
      key: '/home/me/.ssh/shop',
      hostKeys: 'known',
      bastion: {
        name: 'gate.example.com',
        address: 'gate.example.com',
        user: 'jump',
        port: 2222,
        key: '/home/me/.ssh/shop',
        hostKeys: 'known',
      },
    });
  });

  it('can be a user file with paths relative to it, and runs every service of a project', async () => {
    const sandbox = await resolved('sandbox');
    expect(sandbox.services.map((service) => service.instances)).toEqual(
      Array(3).fill([{ id: 'm-1', host: 'sandbox-1' }]),
    );
    expect(sandbox.registry).toBe('127.0.0.1:5055');
    expect(sandbox.services[0]?.image).toMatchObject({ repository: '127.0.0.1:5055/shop-web' });
    expect(sandbox.hosts[0]).toMatchObject({
      key: '/state/environments/key',
      knownHosts: '/state/known_hosts',
    });
  });

  it('must be named if there are several, and is suggested for a typo', async () => {
    expect(await failureOf(() => resolved())).toMatchObject({
      code: 'environment.unnamed',
      message: 'choose an environment (available: production, staging, sandbox)',
    });
    expect(await failureOf(() => resolved('producton'))).toMatchObject({
      code: 'environment.unknown',
      hint: 'did you mean production?',
    });
  });
});

describe('an environment of the user', () => {
  const broken = {
    '/state/environments/sandbox.yml': 'hosts: 7\n',
    '/state/environments/staging.yml': 'hosts: 7\n',
  };
  const own = configContext({ '/project/oneclick.yml': shop, ...broken });

  it('yields to the project’s environment of the same name, and is read only if used', async () => {
    const project = await loadProject(own);
    expect(project.environments.map(({ name, origin }) => `${name} ${origin}`)).toEqual([
      'production project',
      'staging project',
      'sandbox user',
    ]);
    expect((await resolveEnvironment(project, 'staging', own)).environment.hosts[0]?.address).toBe(
      '10.1.0.1',
    );
  });

  it('has its problems reported in its own file', async () => {
    const project = await loadProject(own);
    const failure = await failureOf(() => resolveEnvironment(project, 'sandbox', own));
    expect(failure.evidence[0]).toContain(
      '/state/environments/sandbox.yml:1:8: hosts: expected a list or a map',
    );
  });
});

describe('the default environment', () => {
  const only = 'project: a\nservices: {web: {image: a}}\n';
  const one = `${only}environments: {live: {hosts: [a]}}\n`;
  const two = `${only}default_environment: b\nenvironments: {a: {hosts: [a]}, b: {hosts: [b]}}\n`;
  const sandbox = { '/state/environments/sandbox.yml': 'hosts: [a]\n' };

  it.each([
    ['is the project’s only one', one, sandbox, 'live'],
    ['is the configured one', two, sandbox, 'b'],
    ['is the user’s only one if the project has none', only, sandbox, 'sandbox'],
    ['is undefined if there are none', only, {}, undefined],
  ])('%s', async (_, text, others, expected) => {
    const project = await loadProject(configContext({ '/project/oneclick.yml': text, ...others }));
    expect(project.defaultEnvironment).toBe(expected);
  });

  it('comes from the flag, the variable, the project, the user, or the only one, in that order', async () => {
    const chosen = async (text: string, said: Parameters<typeof chooseEnvironment>[1]) =>
      chooseEnvironment(await loadProject(configContext({ '/project/oneclick.yml': text, ...sandbox })), said)
        .name;
    const all = { flag: 'a', variable: 'sandbox', user: 'sandbox' };
    expect(await chosen(two, all)).toBe('a');
    expect(await chosen(two, { variable: 'a', user: 'sandbox' })).toBe('a');
    expect(await chosen(two, { user: 'sandbox' })).toBe('b');
    expect(await chosen(one, { user: 'sandbox' })).toBe('sandbox');
    expect(await chosen(one, {})).toBe('live');
  });

  it('fails if it does not exist, with the source of the name and the nearest name', async () => {
    const project = await loadProject(configContext({ '/project/oneclick.yml': one }));
    const refused = async (said: Parameters<typeof chooseEnvironment>[1]) =>
      failureOf(async () => chooseEnvironment(project, said));
    expect(await refused({ flag: 'liev' })).toMatchObject({
      message: 'unknown environment "liev" (available: live)',
      hint: 'did you mean live?',
    });
    expect((await refused({ variable: 'x' })).message).toContain('"x" from ONECLICK_ENV (available: ');
    expect((await refused({ user: 'x' })).message).toContain('"x" from your user configuration (');
  });
});

describe('a changed value', () => {
  const text = `project: a
secrets: {TOKEN: {command: op read a}, OLD: {command: x}}
services: {web: {image: a, restart: always, port: 80}, one: {image: b, singleton: true}}
environments:
  live: {hosts: [a, b], services: {web: {restart: always}}, secrets: {TOKEN: {timeout: 5s}, OLD: null}}
`;

  it('produces a warning with its position, and a singleton gets the first host', async () => {
    const setting = configContext({ '/project/oneclick.yml': text });
    const resolved = await resolveEnvironment(await loadProject(setting), 'live', setting);
    expect(resolved.warnings).toEqual([
      expect.stringMatching(/^oneclick\.yml:5:\d+: always is treated as unless-stopped/),
    ]);
    expect(resolved.environment.services[0]?.restart).toBe('unless-stopped');
    expect(resolved.environment.services[1]?.instances).toEqual([{ id: 'a', host: 'a' }]);
    expect(resolved.secretSources).toEqual({ TOKEN: { command: ['op', 'read', 'a'], timeout: 5000 } });
  });
});

describe('the request that confirms a release', () => {
  const confirm = async (web: string, live = '{}') => {
    const text = `project: p
services: {web: {image: a, port: 80, target_group: web, ${web}}}
environments: {live: {hosts: [a], services: {web: ${live}}}}
`;
    const variables = { DOMAIN: 'example.com' };
    const setting = { ...configContext({ '/project/oneclick.yml': text }), variables };
    return (await resolveEnvironment(await loadProject(setting), 'live', setting)).environment.services[0]
      ?.confirm;
  };

  it('is a map, off, or absent', async () => {
    expect(await confirm('keep: 5')).toBeUndefined();
    for (const off of ['confirm: off', 'confirm: false', 'confirm: {off: true, path: /up}'])
      expect([off, await confirm(off)]).toEqual([off, { off: true }]);
    expect(await confirm('confirm: {host: "shop.${DOMAIN}", path: "/up?a=b", from: here}')).toEqual({
      ...{ host: 'shop.example.com', path: '/up?a=b', from: 'here' },
    });
  });

  it('is changed and turned on again by an environment', async () => {
    expect(await confirm('confirm: {host: a.example.com}', '{confirm: {path: /up}}')).toEqual({
      ...{ host: 'a.example.com', path: '/up' },
    });
    expect(await confirm('confirm: off', '{confirm: {off: false, from: host}}')).toEqual({ from: 'host' });
    expect(await confirm('confirm: {path: /up}', '{confirm: off}')).toEqual({ off: true });
  });

  it.each([
    ['confirm: on', 'must be off, or a map with host, path, from, off'],
    ['confirm: {path: up}', 'must start with /'],
    ['confirm: {from: there}', 'must be host or here'],
    ['confirm: {host: "a b"}', 'must be a host name, such as shop.example.com, not a b'],
  ])('is refused: %s', async (web, problem) => {
    const { evidence } = await failureOf(() => confirm(web));
    expect(evidence?.join()).toContain(problem);
  });
});

describe('a service that needs one on another host', () => {
  const warnings = async (db: string, live = '{hosts: [a, b], services: {db: {hosts: [a]}}}') => {
    const text = `project: p
services: {web: {image: a, needs: [db]}, db: {image: b, ${db}}}
environments: {live: ${live}}
`;
    const setting = configContext({ '/project/oneclick.yml': text });
    return (await resolveEnvironment(await loadProject(setting), 'live', setting)).warnings;
  };

  it('produces a warning, because names work on the same host only', async () => {
    expect(await warnings('port: 5432')).toEqual([
      'oneclick.yml:2:36: web on b cannot reach db by its name, which works on the same host only: ' +
        'use an address of a, or run both on the same hosts',
    ]);
  });

  it('produces none if the other one has a load balancer, or runs on all of its hosts', async () => {
    expect(await warnings('port: 80, target_group: db')).toEqual([]);
    expect(await warnings('port: 5432', '{hosts: [a, b]}')).toEqual([]);
  });
});

describe('the file', () => {
  it('is found in parent folders', async () => {
    const below = { ...setting, cwd: '/project/src/web' };
    expect((await loadProject(below)).folder).toBe('/project');
    expect(await failureOf(() => loadProject({ ...setting, cwd: '/elsewhere' }))).toMatchObject({
      kind: 'usage',
      code: 'config.missing',
    });
  });
});

describe('hosts that the configuration no longer lists', () => {
  const withHosts = async (...hosts: readonly string[]) => {
    const project = await loadProject(setting);
    return (await resolveEnvironment(project, 'production', setting, hosts)).environment;
  };

  it('are reached like the others, and run no service', async () => {
    const { hosts, services } = await withHosts('root@10.0.0.9:2200');
    expect(hosts.at(-1)).toMatchObject({
      ...{ name: 'root@10.0.0.9:2200', address: '10.0.0.9', port: 2200, user: 'root' },
      ...{ key: hosts[0]?.key, bastion: hosts[0]?.bastion },
    });
    expect(services.flatMap(({ instances }) => instances.map(({ host }) => host))).not.toContain(
      'root@10.0.0.9:2200',
    );
  });

  it('are not added if they are listed, by name or by address', async () => {
    const { hosts } = await withHosts('web-1', '10.0.0.2', 'deploy@10.0.0.2:22');
    expect(hosts.map(({ name }) => name)).toEqual(['web-1', 'web-2']);
  });

  it('are refused if they are not addresses', async () => {
    await expect(withHosts('not an address')).rejects.toMatchObject({ kind: 'usage', code: 'host.unknown' });
  });
});
