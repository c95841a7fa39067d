import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../../src/domain/clock.js';
import type { HostAddress } from '../../../../src/domain/environment.js';
import type { Failure } from '../../../../src/domain/failure.js';
import { connectAll, type HostsOptions } from '../../../../src/host/hosts.js';
import { resolveTarget } from '../../../../src/host/ssh/config.js';
import { keyPair, SshServer } from '../../../fakes/ssh-server.js';

const mine = keyPair();
let home: string;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'home-'));
  mkdirSync(join(home, '.ssh'));
  writeFileSync(join(home, 'key'), mine.private);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(home, { recursive: true });
});

const base: HostAddress = { name: 'web-1', address: 'i-0123', user: 'deploy', hostKeys: 'known' };
const environment = () => ({ home, user: 'me', variables: { PATH: process.env.PATH } });
const configure = (command: string, more = '') =>
  writeFileSync(join(home, '.ssh', 'config'), `Host *\n  ProxyCommand ${command}\n${more}`);

async function commandFor(command: string, address: Partial<HostAddress> = {}, more = ''): Promise<string> {
  configure(command, more);
  const target = await resolveTarget({ ...base, ...address }, environment());
  return target.proxyCommand?.line ?? '';
}

async function connect(address: Partial<HostAddress>, options: Partial<HostsOptions> = {}) {
  const addresses = [{ ...base, key: '~/key', knownHosts: '~/known_hosts', ...address }];
  const hosts = await connectAll(addresses, { clock: systemClock, environment: environment(), ...options });
  closing.push(() => hosts.close());
  return hosts;
}

async function refusal(options: Partial<HostsOptions> = {}): Promise<Failure> {
  const [failure] = (await connect({}, options)).failures;
  if (failure === undefined) throw new Error('it connected');
  return failure;
}

/** Connects its standard input and output to a port. */
const relay = 'const s = require("net").connect(process.argv[2]); process.stdin.pipe(s).pipe(process.stdout)';

describe('the tokens of a ProxyCommand', () => {
  it('are expanded as ssh does', async () => {
    const aws = `sh -c "aws ssm start-session --target %h --parameters 'portNumber=%p'"`;
    expect(await commandFor(aws)).toBe(
      `sh -c "aws ssm start-session --target i-0123 --parameters 'portNumber=22'"`,
    );
    const all = { port: 2222, user: 'ana' };
    const more = '  HostName 10.0.0.7\n';
    expect(await commandFor('to %h %n %k %p %r %% %%h', all, more)).toBe(
      'to 10.0.0.7 i-0123 i-0123 2222 ana % %h',
    );
    expect(await commandFor('to %k', {}, '  HostKeyAlias web\n')).toBe('to web');
  });

  it('that are unknown are named', async () => {
    for (const token of ['%q', '%'])
      await expect(commandFor(`to ${token}`)).rejects.toMatchObject({
        kind: 'usage',
        message: `unknown token ${token} in the ProxyCommand of web-1`,
      });
  });

  it.each([
    ['$(touch%20hit)'],
    ['a;touch hit'],
    ['a|b'],
    ['`id`'],
    ['-oProxyCommand=id'],
    ["a'b"],
    ['a\nb'],
    ['{a,b}'],
  ])('never become shell syntax: %j', async (text) => {
    writeFileSync(join(home, '.ssh', 'config'), `Match exec "touch ${home}/hit; false"\n  User x\n`);
    for (const hostile of [{ address: text }, { user: text }])
      await expect(resolveTarget({ ...base, ...hostile }, environment())).rejects.toMatchObject({
        kind: 'usage',
        code: 'ssh.name',
      });
    expect(existsSync(join(home, 'hit'))).toBe(false);
  });
});

describe('a ProxyCommand', () => {
  it('carries the connection, with its tokens expanded', async () => {
    const server = await SshServer.start({ authorized: [mine.public] });
    closing.push(() => server.close());
    writeFileSync(join(home, 'known_hosts'), `[i-0123]:${server.port} ${server.key.public}\n`);
    writeFileSync(join(home, 'relay.cjs'), relay);
    configure(`sh -c "echo to %%n=%n >&2; exec ${process.execPath} ${home}/relay.cjs '%p'"`);
    const { connected, failures } = await connect({ port: server.port });
    expect(failures).toEqual([]);
    const answer = await connected.get('web-1')?.run({ argv: ['echo', 'a'], timeout: 60_000 });
    expect(answer?.stdout).toBe('a\n');
  });

  it('that fails is reported with its exit code and standard error', async () => {
    configure(`sh -c "echo first >&2; echo 'TargetNotConnected: %h' >&2; exit 254"`);
    expect(await refusal()).toMatchObject({
      kind: 'unreachable',
      code: 'host.unreachable',
      host: 'web-1',
      message: 'web-1: its ProxyCommand exited with code 254: TargetNotConnected: i-0123',
      evidence: ['first', 'TargetNotConnected: i-0123'],
      hint: expect.stringContaining('ProxyCommand'),
    });
  });

  it('that cannot be run is not retried', async () => {
    configure(`sh -c "echo x >>${home}/tries; exec no-such-program %h"`);
    expect(await refusal()).toMatchObject({
      message: expect.stringMatching(/exited with code 127: .*no-such-program/),
      hint: expect.stringContaining('cannot be run'),
    });
    expect(readFileSync(join(home, 'tries'), 'utf8')).toBe('x\n');
  });

  it('that hangs is ended and reported with its standard error', async () => {
    configure(`sh -c "echo 'open https://login.example.org' >&2; sleep 60"`);
    expect(await refusal({ deadline: 2000 })).toMatchObject({
      message: 'web-1: its ProxyCommand did not respond within 2 s',
      evidence: ['open https://login.example.org'],
    });
  });
});
