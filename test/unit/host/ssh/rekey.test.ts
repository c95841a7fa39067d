import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import ssh2 from 'ssh2';
import { systemClock } from '../../../../src/domain/clock.js';
import type { HostAddress } from '../../../../src/domain/environment.js';
import type { Host } from '../../../../src/host/host.js';
import { connectAll } from '../../../../src/host/hosts.js';
import type { SshTarget } from '../../../../src/host/ssh/config.js';
import { HostKeyCheck } from '../../../../src/host/ssh/host-key.js';
import { readKnownKeys } from '../../../../src/host/ssh/known-hosts.js';
import { keyPair, SshServer } from '../../../fakes/ssh-server.js';

const mine = keyPair();
let home: string;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'home-'));
  writeFileSync(join(home, 'key'), mine.private);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(home, { recursive: true });
});

async function connected({ port }: SshServer, hostKeys: HostAddress['hostKeys']): Promise<Host> {
  const own = { address: '127.0.0.1', user: 'deploy', key: '~/key', knownHosts: '~/known_hosts' };
  const environment = { home, user: 'me', variables: { PATH: process.env.PATH } };
  const addresses = [{ ...own, name: 'web-1', port, hostKeys }];
  const hosts = await connectAll(addresses, { clock: systemClock, environment });
  closing.push(() => hosts.close());
  const host = hosts.connected.get('web-1');
  if (host === undefined) throw hosts.failures[0] ?? new Error('neither connected nor failed');
  return host;
}

/** Sends a line to `cat` on the host in each turn of the event loop until `done`; returns what was sent and what came back. */
async function echoUntil(host: Host, done: Promise<unknown>): Promise<{ sent: string[]; echoed: string[] }> {
  const cat = await host.spawn(['cat']);
  const echoes = cat.lines[Symbol.asyncIterator]();
  const [sent, echoed]: [string[], string[]] = [[], []];
  let isDone = false;
  void done.finally(() => {
    isDone = true;
  });
  while (!isDone && !host.lost.aborted) {
    sent.push(`line ${sent.length}`);
    cat.write(sent.at(-1) ?? '');
    await nextTurn();
  }
  while (echoed.length < sent.length) {
    const { done: ended, value } = await echoes.next();
    if (ended) break;
    echoed.push(value);
  }
  cat.end();
  return { sent, echoed };
}

describe('when the server renews the session keys', () => {
  it.each(['known', 'accept-new'] as const)(
    'traffic continues, and the key is saved once, with host_keys: %s',
    async (hostKeys) => {
      const server = await SshServer.start({ authorized: [mine.public] });
      closing.push(() => server.close());
      if (hostKeys === 'known') writeFileSync(join(home, 'known_hosts'), server.known);
      const host = await connected(server, hostKeys);
      const renewed = (async () => {
        for (let round = 0; round < 20; round += 1) await Promise.race([server.rekey(), whenLost(host)]);
      })();
      const { sent, echoed } = await echoUntil(host, renewed);
      expect(host.lost.reason).toBeUndefined();
      expect(echoed).toEqual(sent);
      expect(readFileSync(join(home, 'known_hosts'), 'utf8')).toBe(server.known);
    },
  );

  it('the key that was accepted is accepted again before the check returns, and no other', async () => {
    const [first, other] = [publicKey(), publicKey()];
    const check = await checkOf({ destroyed: false });
    expect(await new Promise((resolve) => check.verify(first, resolve))).toBe(true);
    const answers: boolean[] = [];
    check.verify(first, (valid) => answers.push(valid));
    check.verify(other, (valid) => answers.push(valid));
    expect(answers).toEqual([true, false]);
  });
});

describe('the check of a host key', () => {
  it('does not answer once the connection is closed', async () => {
    const sock = { destroyed: false };
    const check = await checkOf(sock, 'known');
    const answers: boolean[] = [];
    check.verify(publicKey(), (valid) => answers.push(valid));
    sock.destroyed = true;
    await nextTurn();
    expect(check.failure).toMatchObject({ code: 'host.key-unknown' });
    expect(answers).toEqual([]);
  });
});

async function checkOf(
  sock: { readonly destroyed: boolean },
  hostKeys: HostAddress['hostKeys'] = 'accept-new',
) {
  const target: SshTarget = {
    ...{ name: 'web-1', address: 'web.example', port: 22, user: 'me', keys: [], onlyTheseKeys: false },
    ...{ given: 'web.example', needsSystem: false, gssapi: false },
    ...{ knownHosts: [join(home, 'known_hosts')], hostKeys },
  };
  const owner = { host: 'web-1', address: 'web.example', port: 22 };
  return new HostKeyCheck(target, await readKnownKeys(owner, target.knownHosts), sock);
}

const whenLost = (host: Host) =>
  new Promise<void>((resolve) => host.lost.addEventListener('abort', () => resolve()));

function publicKey(): Buffer {
  const key = ssh2.utils.parseKey(keyPair().public);
  if (key instanceof Error) throw key;
  return key.getPublicSSH();
}
