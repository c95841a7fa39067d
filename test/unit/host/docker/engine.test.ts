import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Clock, systemClock } from '../../../../src/domain/clock.js';
import type { Failure } from '../../../../src/domain/failure.js';
import type { Host } from '../../../../src/host/host.js';
import { connectAll } from '../../../../src/host/hosts.js';
import { MovableClock } from '../../../fakes/clock.js';
import { DockerServer } from '../../../fakes/docker-server.js';
import { keyPair, SshServer, type SshServerOptions } from '../../../fakes/ssh-server.js';

const mine = keyPair();
const auth = { username: 'ana', password: 'hunter2-hunter2', serveraddress: 'registry.example.org' };
const nothing = () => undefined;
const closing: (() => Promise<unknown>)[] = [];
let docker: DockerServer;
let home: string;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'home-'));
  writeFileSync(join(home, 'key'), mine.private);
  docker = await DockerServer.start();
  closing.push(() => docker.close());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(home, { recursive: true });
});

async function connect(
  options: SshServerOptions = { docker: docker.port },
  clock: Clock = systemClock,
): Promise<Host> {
  const server = await SshServer.start({ authorized: [mine.public], ...options });
  closing.push(() => server.close());
  const address = {
    name: 'web-1',
    address: '127.0.0.1',
    port: server.port,
    user: 'deploy',
    key: '~/key',
    knownHosts: '~/known',
    hostKeys: 'accept-new',
  } as const;
  const environment = { home, user: 'me', variables: { PATH: process.env.PATH } };
  const hosts = await connectAll([address], { clock, environment });
  closing.push(() => hosts.close());
  const host = hosts.connected.get('web-1');
  if (host === undefined) throw hosts.failures[0] ?? new Error('neither connected nor failed');
  return host;
}

/** A program on the host's PATH. */
function program(name: string, script: string): void {
  const file = join(home, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}
const proxy = () =>
  `exec '${process.execPath}' -e 'const s = require("net").connect(${docker.port}, "127.0.0.1"); process.stdin.pipe(s).pipe(process.stdout)'`;
const until = async (is: () => boolean) => {
  while (!is()) await new Promise((resolve) => setImmediate(resolve));
};
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error('it worked')),
    (error: Failure) => error,
  );

describe('the connection to the engine', () => {
  it('uses a limited number of channels for any number of requests', async () => {
    docker.on('GET /images/json', (response) => void setImmediate(() => response.end('[]')));
    const host = await connect();
    await Promise.all(Array.from({ length: 80 }, () => host.engine.images()));
    expect(docker.requests).toHaveLength(80);
    expect(docker.mostOpen).toBeLessThanOrEqual(16);
  });

  it('handles requests while many logs are followed', async () => {
    docker.json('GET /images/json', []);
    const followed = Array.from({ length: 40 }, (_, index) => `web-${index}`);
    for (const name of followed) docker.json(`GET /containers/${name}/json`, { Config: { Tty: false } });
    for (const name of followed)
      docker.on(`GET /containers/${name}/logs`, (response) => void response.flushHeaders());
    const host = await connect();
    const enough = new AbortController();
    const begun = followed.map(
      (name) =>
        new Promise<void>((resolve) => {
          const took = async () => resolve();
          host.engine.readLogs(name, { follow: true }, took, enough.signal).catch(nothing);
        }),
    );
    await Promise.all(begun);
    expect(await host.engine.images()).toEqual([]);
    expect(host.engine.streams).toBe(Number.POSITIVE_INFINITY);
    enough.abort(new Error('enough'));
  });

  it('names the log driver that it cannot read, and what to do, and calls it permanent', async () => {
    const id = 'ab'.repeat(32);
    const drivers = {
      none: [{}, /shop-web-3 keeps no log: its log driver is "none"/, /LogConfig/],
      awslogs: [
        { 'awslogs-group': 'shop' },
        /cannot read the log of shop-web-3: its log driver is "awslogs"/,
        /CloudWatch Logs, log group shop.*LogConfig/,
      ],
    } as const;
    const host = await connect();
    for (const [Type, [Config, message, hint]] of Object.entries(drivers)) {
      const HostConfig = { LogConfig: { Type, Config } };
      docker.json(`GET /containers/${id}/json`, { Name: '/shop-web-3', Config: {}, HostConfig });
      const refusal = { message: 'configured logging driver does not support reading' };
      docker.json(`GET /containers/${id}/logs`, refusal, 501);
      const failure = await failureOf(host.engine.readLogs(id, { follow: true }, async () => undefined));
      expect(failure).toMatchObject({ code: 'logs.driver', transient: false, host: 'web-1' });
      expect([failure.message, failure.hint]).toEqual([
        expect.stringMatching(message),
        expect.stringMatching(hint),
      ]);
      expect(failure.message).not.toContain(id);
    }
  });

  it('calls listed containers by name in messages, not by ID', async () => {
    const id = 'cd'.repeat(32);
    const listed = { Id: id, Names: ['/web-3'], Image: 'web', State: 'running', Status: 'Up 3 minutes' };
    docker.json('GET /containers/json', [listed]);
    docker.json(`POST /containers/${id}/stop`, { message: `cannot kill ${id}` }, 500);
    const { engine } = await connect();
    await engine.containers();
    expect((await failureOf(engine.stop(id, 1000))).message).toBe(
      'cannot stop container web-3: cannot kill web-3',
    );
  });

  it('closes the channel of a cancelled response with unread data', async () => {
    docker.on('POST /images/create', (response) => {
      const line = `${JSON.stringify({ status: 'Downloading', id: 'a', progressDetail: { current: 1, total: 2 } })}\n`;
      const feed = () => {
        while (!response.destroyed && response.write(line.repeat(1000)));
      };
      response.on('drain', feed);
      feed();
    });
    docker.json('GET /images/json', []);
    const host = await connect();
    for (let round = 0; round < 20; round += 1) {
      const cancel = new AbortController();
      const pulling = host.engine.pull(
        'shop/web:1',
        undefined,
        () => cancel.abort(new Error('enough')),
        cancel.signal,
      );
      await expect(pulling).rejects.toThrow('enough');
    }
    expect(await host.engine.images()).toEqual([]);
  });

  it('fails the call if it breaks, and reconnects for the next', async () => {
    docker.on('GET /images/json', (response) => void response.socket?.destroy());
    const host = await connect();
    await expect(host.engine.images()).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'engine.down',
      host: 'web-1',
    });
    docker.json('GET /images/json', []);
    expect(await host.engine.images()).toEqual([]);
  });

  it('reopens if the engine closed the spare channels', async () => {
    docker.json('GET /images/json', []);
    const { engine } = await connect();
    expect(await engine.images()).toEqual([]);
    while (docker.open > 0) {
      docker.hangUp();
      await new Promise((resolve) => setImmediate(resolve));
    }
    // This response arrives after the channels have closed.
    await engine.images().catch(nothing);
    expect(await Promise.all(Array.from({ length: 6 }, () => engine.images()))).toHaveLength(6);
  });

  it('times out after a minute, then after 10 s until the engine responds', async () => {
    const clock = new MovableClock();
    const { engine } = await connect({ docker: docker.port }, clock);
    const silentFor = async (seconds: number) => {
      const before = docker.requests.length;
      const failing = failureOf(engine.images());
      while (docker.requests.length === before) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(seconds * 1000);
      expect(await failing).toMatchObject({
        code: 'engine.silent',
        message: expect.stringContaining(`did not respond within ${seconds} s`),
      });
    };
    docker.on('GET /images/json', nothing);
    await silentFor(60);
    await silentFor(10);
    docker.json('GET /images/json', []);
    expect(await engine.images()).toEqual([]);
    docker.on('GET /images/json', nothing);
    await silentFor(60);
  });

  it('ignores the local DOCKER_HOST', async () => {
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = 'tcp://127.0.0.1:1';
    try {
      docker.json('GET /images/json', []);
      expect(await (await connect()).engine.images()).toEqual([]);
    } finally {
      if (before === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = before;
    }
  });
});

describe('without forwarding of the engine socket', () => {
  it('uses the docker command, and still runs commands with one session', async () => {
    program('docker', `[ "$1" = version ] && exit 0; ${proxy()}`);
    docker.json('GET /images/json', []);
    const host = await connect({ programs: home, maxSessions: 1 });
    expect(await host.engine.images()).toEqual([]);
    expect((await host.run({ argv: ['echo', 'a'], timeout: 5000 })).stdout).toBe('a\n');
    expect(await host.engine.images()).toEqual([]);
  });

  it('uses the docker command for more calls than sessions', async () => {
    docker.json('GET /version', { Version: '28.0.0', Os: 'linux', Arch: 'amd64' });
    program('docker', `[ "$1" = version ] && exit 0; ${proxy()}`);
    const { engine } = await connect({ programs: home, maxSessions: 4 });
    const calls = Array.from({ length: 12 }, () => engine.version());
    expect(await Promise.all(calls)).toHaveLength(12);
    expect(engine.streams).toBe(6);
  });

  it('uses sudo if the user has no permission', async () => {
    program(
      'docker',
      `[ "$AS_ROOT" ] || { echo 'permission denied while trying to connect' >&2; exit 1; }; [ "$1" = version ] && exit 0; ${proxy()}`,
    );
    program('sudo', 'shift; AS_ROOT=1 exec "$@"');
    docker.json('GET /images/json', []);
    expect(await (await connect({ programs: home })).engine.images()).toEqual([]);
  });

  it('names the user without permission, and the fix', async () => {
    program('docker', "echo 'permission denied while trying to connect' >&2; exit 1");
    program('sudo', "echo 'sudo: a password is required' >&2; exit 1");
    const failure = await failureOf((await connect({ programs: home })).engine.images());
    expect(failure).toMatchObject({
      kind: 'access',
      code: 'engine.access',
      message: 'deploy has no permission to use Docker on web-1',
      hint: expect.stringContaining('usermod -aG docker deploy'),
    });
  });

  it('reports an engine that is down or not installed', async () => {
    program(
      'docker',
      "echo 'Cannot connect to the Docker daemon. Is the docker daemon running?' >&2; exit 1",
    );
    const down = await failureOf((await connect({ programs: home })).engine.images());
    expect(down).toMatchObject({
      kind: 'unreachable',
      code: 'engine.down',
      message: expect.stringContaining('Is the docker daemon running?'),
    });
    program('docker', 'exit 127');
    const missing = await failureOf((await connect({ programs: home })).engine.images());
    expect(missing).toMatchObject({
      kind: 'unreachable',
      code: 'engine.missing',
      hint: 'run: oneclick host bootstrap web-1',
    });
  });

  it('reports the error output of a command that exits early', async () => {
    program('docker', '[ "$1" = version ] && exit 0; echo \'the engine went away\' >&2; exit 1');
    const failure = await failureOf((await connect({ programs: home })).engine.images());
    expect(failure).toMatchObject({
      code: 'engine.down',
      message: expect.stringContaining('the engine went away'),
    });
  });
});

describe('a request', () => {
  it('sends the container configuration only in its body', async () => {
    docker.json('POST /containers/create', { Id: 'abc' }, 201);
    const host = await connect();
    expect(
      await host.engine.create({ name: 'web', config: { Image: 'shop/web', Env: ['TOKEN=planted'] } }),
    ).toBe('abc');
    expect(docker.requests).toMatchObject([{ url: '/containers/create?name=web' }]);
    expect(JSON.parse(docker.requests[0]?.body ?? '')).toEqual({ Image: 'shop/web', Env: ['TOKEN=planted'] });
  });

  it('retries a restart policy while the process is exiting', async () => {
    const { engine } = await connect();
    let refusals = 2;
    docker.on('POST /containers/web/update', (response) => {
      refusals -= 1;
      const ending = { message: 'Cannot update container 1a2b: cannot update a stopped container: unknown' };
      response.writeHead(refusals < 0 ? 200 : 500).end(JSON.stringify(refusals < 0 ? {} : ending));
    });
    await engine.setRestart('web', 'no');
    expect(docker.requests.filter(({ url }) => url.startsWith('/containers/web/update'))).toHaveLength(3);
  });

  it('fails to set a restart policy with any other error', async () => {
    const { engine } = await connect();
    docker.json('POST /containers/web/update', { message: 'no such policy' }, 400);
    await expect(engine.setRestart('web', 'never')).rejects.toMatchObject({
      message: expect.stringContaining('no such policy'),
    });
  });

  it('is passing if the engine fails with an unknown error', async () => {
    const { engine } = await connect();
    const refusal = async (status: number, message: string) => {
      docker.json('POST /containers/web/start', { message }, status);
      return failureOf(engine.start('web'));
    };
    expect(await refusal(500, 'failed to update store: open : no such file')).toMatchObject({
      transient: true,
    });
    expect(await refusal(500, 'no space left on device')).toMatchObject({ transient: false });
    expect(await refusal(400, 'no such thing')).toMatchObject({ transient: false });
  });

  it('sends registry credentials only in one header', async () => {
    docker.lines('POST /images/create', [{ status: 'Status: Image is up to date' }]);
    docker.json('GET /distribution/shop/web:1/json', {
      Descriptor: { digest: 'sha256:1' },
      Platforms: [{ os: 'linux', architecture: 'arm64', variant: 'v8' }],
    });
    const host = await connect();
    await host.engine.pull('shop/web', auth, nothing);
    expect(await host.engine.resolve('shop/web:1', auth)).toEqual({
      reference: 'shop/web:1',
      digest: 'sha256:1',
      platforms: ['linux/arm64/v8'],
    });
    expect(docker.requests.map(({ url }) => url)).toEqual([
      '/images/create?fromImage=shop%2Fweb&tag=latest',
      '/distribution/shop/web:1/json',
    ]);
    for (const { url, body, headers } of docker.requests) {
      expect(`${url} ${body}`).not.toContain('hunter2');
      const header = String(headers['x-registry-auth']);
      expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual(auth);
    }
  });
});

describe('a pull', () => {
  it('adds up the bytes of its layers', async () => {
    const layer = (id: string, status: string, current?: number, total?: number) => ({
      id,
      status,
      progressDetail: { current, total },
    });
    docker.lines('POST /images/create', [
      { status: 'Pulling from shop/web', id: '1' },
      layer('a', 'Pulling fs layer'),
      layer('b', 'Already exists'),
      layer('a', 'Downloading', 50, 200),
      layer('a', 'Download complete'),
      layer('a', 'Extracting', 10, 200),
      layer('a', 'Pull complete'),
      { status: 'Digest: sha256:1' },
    ]);
    const seen: unknown[] = [];
    await (await connect()).engine.pull('shop/web:1', undefined, (progress) => seen.push(progress));
    expect(seen).toContainEqual({ done: 50, total: 200, layers: 2, layersDone: 1 });
    expect(seen.at(-1)).toEqual({ done: 200, total: 200, layers: 2, layersDone: 2 });
  });

  it.each([
    ['unauthorized: authentication required', 'access', 'image.access'],
    [
      'pull access denied for shop/web, repository does not exist or may require docker login',
      'access',
      'image.access',
    ],
    ['manifest for shop/web:1 not found: manifest unknown: manifest unknown', 'failed', 'image.not-found'],
    ['write /var/lib/docker/tmp/x: no space left on device', 'failed', 'engine.disk-full'],
    ['filesystem layer verification failed for digest sha256:1', 'failed', 'image.corrupt'],
    ['no matching manifest for linux/arm64/v8 in the manifest list entries', 'failed', 'image.platform'],
    ['Get "https://registry/v2/": dial tcp 10.0.0.1:443: i/o timeout', 'unreachable', 'registry.unreachable'],
    ['Get "https://registry/v2/": EOF', 'unreachable', 'registry.unreachable'],
    ['something else', 'failed', 'engine.refused'],
  ])('that ends with "%s" fails: %s, %s', async (error, kind, code) => {
    docker.lines('POST /images/create', [
      { status: 'Pulling fs layer', id: 'a' },
      { error, errorDetail: { message: error } },
    ]);
    const failure = await failureOf((await connect()).engine.pull('shop/web:1', undefined, nothing));
    expect(failure).toMatchObject({ kind, code, host: 'web-1', message: `cannot pull shop/web:1: ${error}` });
  });

  it('fails if it ends before it is complete', async () => {
    docker.lines('POST /images/create', [{ status: 'Pulling fs layer', id: 'a' }]);
    await expect((await connect()).engine.pull('shop/web:1', undefined, nothing)).rejects.toMatchObject({
      kind: 'failed',
    });
  });

  it('fails after a minute without progress, with its last status', async () => {
    const begun = new Promise<{ destroyed: boolean }>((resolve) => {
      docker.on('POST /images/create', (response) => {
        response.write(
          `${JSON.stringify({ status: 'Downloading', id: 'a1b2', progressDetail: { current: 1, total: 2 } })}\n`,
        );
        resolve(response);
      });
    });
    const clock = new MovableClock();
    const host = await connect({ docker: docker.port }, clock);
    let seen = nothing;
    const progressed = new Promise<void>((resolve) => {
      seen = () => resolve(undefined) as undefined;
    });
    const failing = failureOf(host.engine.pull('shop/web:1', undefined, () => seen()));
    const response = await begun;
    await progressed;
    await clock.advance(59_000);
    expect(response.destroyed).toBe(false);
    await clock.advance(2000);
    expect(await failing).toMatchObject({
      code: 'image.stalled',
      message: expect.stringContaining('Downloading a1b2'),
    });
  });

  it('also stops at the engine when cancelled', async () => {
    const cancel = new AbortController();
    const broken = new Promise((resolve) => {
      docker.on('POST /images/create', (response) => {
        response.write(`${JSON.stringify({ status: 'Pulling fs layer', id: 'a' })}\n`);
        void once(response, 'close').then(resolve);
      });
    });
    const host = await connect();
    const pulling = host.engine.pull(
      'shop/web:1',
      undefined,
      () => cancel.abort(new Error('stop')),
      cancel.signal,
    );
    await expect(pulling).rejects.toThrow('stop');
    await broken;
  });
});

describe('the terminal of a process', () => {
  it('ends up with the last size although the engine responds late', async () => {
    docker.json('POST /containers/web/exec', { Id: 'one' }, 201);
    const unanswered: (() => void)[] = [];
    docker.on('POST /exec/one/resize', (response) => void unanswered.push(() => response.end()));
    const sizes = () =>
      docker.requests.flatMap(({ url }) => new URL(url, 'http://docker').searchParams.get('w') ?? []);
    const host = await connect();
    const terminal = { columns: 80, rows: 24 };
    const process = await host.engine.exec('web', ['sh'], { input: true, terminal });
    const later = [100, 110, 120].map((columns) => process.resize({ columns, rows: 24 }));
    await until(() => unanswered.length > 0);
    expect(sizes()).toEqual(['80']);
    unanswered[0]?.();
    await until(() => unanswered.length > 1);
    unanswered[1]?.();
    await Promise.all(later);
    expect(sizes()).toEqual(['80', '120']);
    process.close();
  });
});

describe('a container that runs again after a crash', () => {
  const inspected = {
    ...{ Id: 'a1b2', Name: '/web', RestartCount: 2 },
    State: { Status: 'running', ExitCode: 0, StartedAt: '2026-01-01T00:10:00.5Z' },
    Config: { Image: 'shop/web:1', Labels: null, Env: null },
    HostConfig: { PortBindings: null },
    NetworkSettings: { Networks: null, Ports: null },
  };

  it('shows its last exit code, from the events of the engine', async () => {
    docker.json('GET /containers/web/json', inspected);
    const died = (exitCode: string) => ({ Action: 'die', Actor: { ID: 'a1b2', Attributes: { exitCode } } });
    docker.lines('GET /events', [died('1'), died('3')]);
    const host = await connect();
    expect(await host.engine.container('web')).toMatchObject({ state: 'running', restarts: 2, exit: 3 });
    const asked = docker.requests.find(({ url }) => url.includes('/events'))?.url ?? '';
    const { searchParams } = new URL(asked, 'http://docker');
    expect(Object.fromEntries(searchParams)).toEqual({
      since: '1767225600.500000000',
      until: '1767226200.500000000',
      filters: JSON.stringify({ container: ['a1b2'], event: ['die'] }),
    });
  });

  it('shows none if the engine has forgotten it', async () => {
    docker.json('GET /containers/web/json', inspected);
    docker.lines('GET /events', []);
    const host = await connect();
    expect(await host.engine.container('web')).not.toHaveProperty('exit');
  });
});
