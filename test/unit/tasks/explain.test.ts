import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Service } from '../../../src/domain/service.js';
import type { Subject } from '../../../src/domain/task.js';
import { imageResolve } from '../../../src/tasks/image.js';
import { releaseRecall } from '../../../src/tasks/release.js';
import { rolloutResolve } from '../../../src/tasks/rollout.js';
import { shellLocal, shellRemote } from '../../../src/tasks/shell.js';
import { at, Fleet, serviceOn } from './fleet.js';

const web = serviceOn('web', 8080, { count: 1 });
const holder = 'shop-production-network';
let fleet: Fleet;

beforeEach(() => {
  fleet = new Fleet(1);
  for (const tag of ['v1', 'v2', 'v3']) fleet.push('web', tag);
});

/** The commands of a recipe for the only host. */
async function lines(recipe: string, service: Service) {
  const commands = await fleet.explain(recipe, [service]);
  expect(new Set(commands.map(({ host }) => host))).toEqual(new Set(commands.length === 0 ? [] : ['host-1']));
  return commands.map(({ line }) => line);
}

const only = (all: readonly string[], text: string) => all.filter((line) => line.includes(text));
const probe = (all: readonly string[]) => only(all, 'until ')[0];

describe('the explanation of a first deploy', () => {
  it('pulls by digest, creates the network, and creates, starts, probes and logs the release', async () => {
    const all = await lines('deploy', web);
    const short = all.map((line) => line.replace(/ --.*(?= \S+$)/, ' …').replace(/sha256:\w+/, 'DIGEST'));
    expect(short).toEqual([
      'docker pull registry.test/web@DIGEST',
      expect.stringMatching(
        /^docker network inspect shop-production >.* \|\| docker network create … shop-production$/,
      ),
      expect.stringMatching(
        /^cd .* printf '(\\\d{3})+' >pause && chmod 755 pause && tar .* import - oneclick\/pause:1$/,
      ),
      'docker create … oneclick/pause:1',
      `docker start ${holder}`,
      'docker create … registry.test/web@DIGEST',
      'docker start shop-production-web-1',
      expect.stringMatching(/^end=.*until s=\$\(curl/),
      'docker update … shop-production-web-1',
      expect.stringMatching(/^\[ "\$\(docker inspect … \]$/),
      'docker volume create … oneclick-log-shop-production-web-1',
    ]);
  });

  it('creates the container with the options that the API call has', async () => {
    const full: Service = {
      ...web,
      ...{
        env: { MODE: 'it is "$HOME"' },
        volumes: ['data:/data'],
        command: ['serve'],
        memory: 1024,
        cpus: 0.5,
      },
      docker: { Hostname: 'shop', HostConfig: { Init: true } },
    };
    const [, created = ''] = only(await lines('deploy', full), 'docker create');
    for (const option of [
      'docker create --name shop-production-web-1 --hostname shop ',
      `--env 'MODE=it is "$HOME"'`,
      '--label oneclick.project=shop --label oneclick.environment=production --label oneclick.service=web ',
      '--label oneclick.release=1 --label oneclick.reference=registry.test/web:v1 --label oneclick.spec=',
      '--label oneclick.role=service',
      '--stop-timeout 1 --network-alias web --log-driver json-file --log-opt max-size=10m --log-opt max-file=3 ',
      '--init --memory 1024 --cpus 0.5 --volume shop-production-data:/data --restart no --network shop-production ',
      '--publish 8080:80 registry.test/web@sha256:',
    ])
      expect(created).toContain(option);
    expect(created).toMatch(/ serve$/);
  });

  it('names secrets, without their values', async () => {
    fleet.secrets.set('DATABASE_URL', 'postgres://hunter22');
    const commands = await fleet.explain('deploy', [{ ...web, secrets: ['DATABASE_URL'] }]);
    expect(JSON.stringify(commands)).not.toContain('hunter22');
    const [created] = commands.filter(({ secrets }) => secrets.length > 0);
    expect(created).toMatchObject({
      secrets: ['DATABASE_URL'],
      line: expect.stringContaining(' --env DATABASE_URL '),
    });
  });

  it('names settings that docker create has no option for', async () => {
    const gpu = { ...web, docker: { HostConfig: { DeviceRequests: [{ Count: -1 }] } } };
    const whys = (await fleet.explain('deploy', [gpu])).map(({ why }) => why);
    expect(whys).toContain(
      'create shop-production-web-1 before touching the old container; docker create has no option for DeviceRequests',
    );
  });

  it('removes an exited network container', async () => {
    await fleet.deploy(web);
    await fleet.host('host-1').engine.stop(holder, 0);
    expect(only(await lines('deploy', at(web, 'v2')), 'docker rm')).toEqual([`docker rm --force ${holder}`]);
  });

  it('runs a release command in a container without port and alias', async () => {
    const releaseCommand = { command: ['bin/migrate'], onLaterFailure: 'revert' as const, timeout: 1000 };
    const all = only(await lines('deploy', { ...web, releaseCommand }), '-command-');
    expect(all).toEqual([
      expect.stringMatching(/^docker create --name shop-production-web-1-command-run-1 .* bin\/migrate$/),
      'docker start --attach shop-production-web-1-command-run-1',
    ]);
    expect(all[0]).not.toMatch(/--publish|--network-alias/);
  });
});

describe('the explanation of the next deploy', () => {
  it('stops the old container for good, and sets the restart policy of the new one once healthy', async () => {
    await fleet.deploy(web);
    const all = await lines('deploy', { ...at(web, 'v2'), stop: { timeout: 10_000 } });
    const old = all.indexOf('docker update --restart no shop-production-web-1');
    expect(all.slice(old, old + 3)).toEqual([
      'docker update --restart no shop-production-web-1',
      'docker stop -t 10 shop-production-web-1',
      'docker start shop-production-web-2',
    ]);
    expect(all[old + 4]).toBe('docker update --restart unless-stopped shop-production-web-2');
  });

  it('removes releases that are no longer kept', async () => {
    const two = { ...web, keep: 2 };
    await fleet.deploy(two);
    await fleet.deploy(at(two, 'v2'));
    const all = await lines('deploy', at(two, 'v3'));
    expect(all.slice(-2)).toEqual([
      'docker rm --force shop-production-web-1',
      expect.stringMatching(/^docker rmi registry\.test\/web@sha256:\w+$/),
    ]);
  });
});

describe('the explanation of a health check', () => {
  it('requests the path of the service until its deadline', async () => {
    const health = { path: '/up?a=[1]', interval: 2000, timeout: 1500, deadline: 60_000, settle: 0 };
    expect(probe(await lines('deploy', { ...web, health }))).toBe(
      "end=$(($(date +%s) + 60)); until s=$(curl --globoff --silent --output /dev/null --max-time 1.5 --header 'Host: localhost:8080' --write-out '%{http_code}' " +
        `'http://127.0.0.1:8080/up?a=[1]'); [ "$s" -ge 200 ] && [ "$s" -le 299 ]; do [ "$(date +%s)" -lt "$end" ] || exit 1; sleep 2; done`,
    );
    const port = { address: '::1', host: 8080, container: 80 };
    expect(probe(await lines('deploy', { ...web, port, health }))).toContain("'http://[::1]:8080/up?a=[1]'");
  });

  it('sends the Host, headers and scheme of the check, and accepts its statuses', async () => {
    const health = {
      ...web.health,
      ...{ host: 'shop.example.com', headers: { 'X-Forwarded-Proto': 'https' }, scheme: 'https' as const },
      status: [
        { from: 200, to: 299 },
        { from: 401, to: 401 },
      ],
    };
    const line = probe(await lines('deploy', { ...web, health })) ?? '';
    expect(line).toContain(
      "--insecure --header 'X-Forwarded-Proto: https' --header 'Host: shop.example.com'",
    );
    expect(line).toContain('--connect-to ::127.0.0.1:8080 https://shop.example.com:8080/');
    expect(line).toContain(
      '{ [ "$s" -ge 200 ] && [ "$s" -le 299 ]; } || { [ "$s" -ge 401 ] && [ "$s" -le 401 ]; }; do',
    );
  });

  it('asks another port at the address of the container, or runs a command in it', async () => {
    const admin = probe(await lines('deploy', { ...web, health: { ...web.health, port: 9000 } }));
    expect(admin).toContain('IPAddress}}{{end}}');
    expect(admin).toMatch(/"http:\/\/\$\(docker inspect .*\):9000"\/\)/);
    const { path: _, ...health } = web.health;
    const command = probe(
      await lines('deploy', { ...web, health: { ...health, command: ['bin/alive', 'now'] } }),
    );
    expect(command).toContain('until docker exec shop-production-web-1 bin/alive now; do');
  });

  it('without a path, connects to the port or reads HEALTHCHECK', async () => {
    const { path: _, ...health } = web.health;
    const line = probe(await lines('deploy', { ...web, health }));
    expect(line).toContain('healthy) ;; running) [ "$(curl');
    expect(line).toContain('{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}');
    expect(line).toContain(':80" </dev/null)" != 0.000000 ]');
  });

  it('without a port, waits for the container to stay up or reads HEALTHCHECK', async () => {
    const { port: _, ...worker } = { ...web, health: { ...web.health, settle: 4500 } };
    const { path: __, ...health } = worker.health;
    const line = probe(await lines('deploy', { ...worker, health }));
    expect(line).toMatch(/^sleep 5; end=/);
    expect(line).toContain('in healthy) ;; running) true ;; *) false ;; esac');
  });
});

describe('the explanation of other recipes', () => {
  beforeEach(async () => {
    await fleet.deploy(web);
  });

  it('a rollback starts the kept container', async () => {
    await fleet.deploy(at(web, 'v2'));
    const all = await lines('rollback', web);
    expect(only(all, 'docker create')).toEqual([]);
    expect(only(all, 'docker start')).toEqual(['docker start shop-production-web-1']);
    expect(only(all, 'docker volume create')[0]).toContain('"kind":"rollback"');
  });

  it('a restart stops and starts the container', async () => {
    expect(await lines('restart', web)).toEqual([
      'docker stop -t 1 shop-production-web-1',
      'docker start shop-production-web-1',
      expect.stringMatching(/until curl/),
    ]);
  });

  it('a stop and a start does the same', async () => {
    expect(await lines('stop', web)).toEqual(['docker stop -t 1 shop-production-web-1']);
    await fleet.run('stop', [web]);
    expect(await lines('start', web)).toEqual([
      'docker start shop-production-web-1',
      expect.stringMatching(/until curl/),
      'docker update --restart unless-stopped shop-production-web-1',
    ]);
  });

  it('a recipe without changes is empty', async () => {
    expect(await lines('deploy', web)).toEqual([]);
    expect(await lines('start', web)).toEqual([]);
  });
});

describe('the explanation of a task', () => {
  it('is empty for decisions, and the command of run: and remote:', async () => {
    const { run } = await fleet.plan('deploy', [web]);
    const subject: Subject = { run, step: 'a step', services: [web], service: web, host: 'host-1' };
    for (const task of [imageResolve, releaseRecall, rolloutResolve])
      expect(task.explain({}, subject)).toEqual([]);
    const intent = { command: 'echo "$HOME"', timeout: 1 };
    expect(shellRemote.explain(intent, subject)).toMatchObject([
      { host: 'host-1', line: `sh -c 'echo "$HOME"'` },
    ]);
    const [here] = shellLocal.explain(intent, subject);
    expect(here).toMatchObject({ line: `/bin/sh -c 'echo "$HOME"'` });
    expect(here).not.toHaveProperty('host');
  });
});
