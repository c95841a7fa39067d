import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../src/domain/clock.js';
import type { HostAddress } from '../../src/domain/environment.js';
import type { RunInfo } from '../../src/domain/task.js';
import type { Host } from '../../src/host/host.js';
import { endLeases, HostLeases, leaseHolders } from '../../src/host/lease/lease.js';
import { lockPath } from '../../src/host/lease/lease-holder.js';
import type { Lease } from '../../src/run/ports.js';
import { TcpProxy } from '../fakes/tcp-proxy.js';
import { connect, sandbox } from './sandbox.js';

jest.setTimeout(60_000);

const run: RunInfo = {
  id: 'run-1',
  recipe: 'deploy',
  project: `contract-${process.pid}`,
  environment: 'test',
  who: 'ana',
  started: '2026-01-01T00:00:00.000Z',
};
const ben = { ...run, id: 'run-2', who: 'ben' };
const options = { clock: systemClock, random: Math.random };

describe.each([
  ['ssh2', {}],
  ['the system ssh', { transport: 'system' }],
] as const)('a lease on real machines, over %s', (_, transport) => {
  const closing: (() => Promise<void>)[] = [];
  let proxy: TcpProxy;
  let proxied: Host;
  let direct: Host;

  beforeEach(async () => {
    const [address] = (await sandbox()).addresses;
    if (address === undefined) throw new Error('the sandbox has no machine');
    proxy = await TcpProxy.to(address.address, address.port ?? 22);
    const through = {
      ...address,
      ...transport,
      address: '127.0.0.1',
      port: proxy.port,
      knownHosts: '/dev/null',
      hostKeys: 'accept-new',
    } as const;
    proxied = await open(through);
    direct = await open(address);
    closing.push(() => proxy.close());
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function open(address: HostAddress): Promise<Host> {
    const { connected, failures, close } = await connect([address]);
    closing.push(close);
    const host = connected.get(address.name);
    if (host === undefined) throw failures[0] ?? new Error('not connected');
    return host;
  }
  const take = (host: Host, who: RunInfo) => new HostLeases(new Map([[host.name, host]]), options).take(who);
  const lossOf = (lease: Lease) =>
    new Promise((resolve) =>
      lease.lost.addEventListener('abort', () => resolve(lease.lost.reason), { once: true }),
    );

  /** Time until another run gets the lease. ms */
  async function untilFree(): Promise<number> {
    const start = systemClock.monotonic();
    const wait = { deadline: 30_000, onBusy: () => undefined };
    const leases = new HostLeases(new Map([[direct.name, direct]]), { ...options, wait });
    await (await leases.take(ben)).release();
    return systemClock.monotonic() - start;
  }

  it('names its holder to a second run, and is free once released', async () => {
    const lease = await take(proxied, run);
    lease.describe('web/start');
    while ((await leaseHolders([direct], run))[0]?.step === '');
    await expect(take(direct, ben)).rejects.toMatchObject({ code: 'lease.held' });
    expect(await leaseHolders([direct], run)).toMatchObject([
      { who: 'ana', run: 'run-1', step: 'web/start' },
    ]);
    await lease.release();
    await (await take(direct, ben)).release();
    expect(proxied.lost.aborted).toBe(false);
  });

  it('is free within seconds after its process is killed', async () => {
    const lease = await take(proxied, run);
    const lost = lossOf(lease);
    proxy.cut();
    expect(await lost).toMatchObject({ code: 'lease.lost' });
    expect(await untilFree()).toBeLessThan(5000);
  });

  it('is free within 15 s after a network cut; its run stops and cannot send anything', async () => {
    const lease = await take(proxied, run);
    const lost = lossOf(lease);
    proxy.freeze();
    const late = proxied
      .run({ argv: ['touch', `/tmp/${run.project}`], timeout: 30_000 })
      .catch((error: unknown) => error);
    expect(await untilFree()).toBeLessThan(15_000);
    expect(await lost).toMatchObject({ code: 'lease.lost' });
    proxy.unfreeze();
    expect(await late).toMatchObject({ kind: 'unreachable' });
    expect(proxied.lost.aborted).toBe(true);
    expect(await direct.run({ argv: ['test', '-e', `/tmp/${run.project}`], timeout: 5000 })).toMatchObject({
      code: 1,
    });
  });

  it('ends the SSH connection of its run when taken', async () => {
    const lease = await take(proxied, run);
    const lost = lossOf(lease);
    expect(await endLeases([direct], run)).toMatchObject([{ who: 'ana' }]);
    expect(await lost).toMatchObject({ code: 'lease.lost' });
    await expect(proxied.run({ argv: ['true'], timeout: 5000 })).rejects.toMatchObject({
      kind: 'unreachable',
    });
    await (await take(direct, ben)).release();
  });

  describe('with other users on the host', () => {
    const lock = lockPath(run);
    let root: Host;
    const asRoot = async (script: string) => {
      const { code, stdout, stderr } = await root.run({ argv: ['sh', '-c', script], timeout: 20_000 });
      if (code !== 0) throw new Error(stderr);
      return stdout.trim();
    };
    const asMallory = (command: string) => asRoot(`su -s /bin/sh mallory -c '${command}'`);
    /** Connects as this user; creates it first, outside the group of the engine, if there is a shell line for it. */
    const login = async (user: string, prepare?: string) => {
      const [address] = (await sandbox()).addresses;
      if (address === undefined) throw new Error('the sandbox has no machine');
      if (prepare !== undefined)
        await asRoot(`
          id ${user} 2>/dev/null || useradd --create-home --shell /bin/sh --password '*' ${user}
          install -d -m 700 -o ${user} /home/${user}/.ssh
          install -m 600 -o ${user} /home/deploy/.ssh/authorized_keys /home/${user}/.ssh/authorized_keys
          ${prepare}`);
      return open({ ...address, user });
    };

    beforeEach(async () => {
      root = await login('root');
      await asRoot(`id mallory 2>/dev/null || useradd --password '*' mallory; rm -f ${lock}`);
    });
    afterEach(() =>
      asRoot(
        `rm -f ${lock} /etc/sudoers.d/admin; for user in mallory admin keeper; do userdel -rf $user; done 2>/dev/null || true`,
      ),
    );

    it('can be taken only by root and the group of the engine', async () => {
      for (const user of ['root', 'deploy', 'ops']) {
        const lease = await take(await login(user), run);
        expect(await asRoot(`stat -c '%G %a' ${lock}`)).toBe('docker 640');
        await lease.release();
      }
      await expect(asMallory(`flock -n ${lock} true <${lock}`)).rejects.toThrow('Permission denied');
    });

    it('replaces the lock that an older client created for everyone', async () => {
      await asRoot(`: >${lock}; chmod 644 ${lock}; chown deploy ${lock}`);
      await (await take(await login('ops'), run)).release();
      expect(await asRoot(`stat -c '%U %a' ${lock}`)).toBe('deploy 644');
      await (await take(await login('deploy'), run)).release();
      expect(await asRoot(`stat -c '%U %G %a' ${lock}`)).toBe('deploy docker 640');
    });

    it('is refused, with a hint, on the lock of a user outside the group, which root replaces', async () => {
      await asMallory(`: >${lock}`);
      const refused = take(await login('deploy'), run);
      await expect(refused).rejects.toMatchObject({
        ...{ kind: 'access', code: 'lease.broken' },
        message: expect.stringContaining(`${lock} belongs to mallory, who is not in the group docker`),
        hint: `remove it as root: sudo rm -r ${lock}`,
      });
      await (await take(root, run)).release();
      expect(await asRoot(`stat -c '%U %G %a' ${lock}`)).toBe('root docker 640');
    });

    it('is shared by users who become root, and refused with a hint to others', async () => {
      const admin = await login('admin', `echo 'admin ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/admin`);
      const keeper = await login('keeper', ':');
      const own = await take(keeper, run);
      await expect(take(keeper, ben)).rejects.toMatchObject({ code: 'lease.held' });
      await own.release();
      const lease = await take(admin, run);
      await expect(take(await login('deploy'), ben)).rejects.toMatchObject({ code: 'lease.held' });
      const lost = lossOf(lease);
      await expect(take(keeper, ben)).rejects.toMatchObject({
        message: expect.stringContaining(`only the group docker can open ${lock}`),
        hint: 'run there: sudo usermod -aG docker keeper',
      });
      expect(await endLeases([await login('admin')], run)).toMatchObject([{ who: 'ana' }]);
      expect(await lost).toMatchObject({ code: 'lease.lost' });
      expect(admin.lost.aborted).toBe(true);
    });

    it('is never read from a file that another user forged, and no other process is ended', async () => {
      const victim = await asRoot('sleep 60 >/dev/null 2>&1 & echo $!');
      const ticks = await asRoot(`sed 's/.*) //' /proc/${victim}/stat | cut -d ' ' -f 20`);
      const forge = `printf "%s\\n%s\\n\\n" ${ticks} "{}" >${lock}.${victim}`;
      const lost = lossOf(await take(await login('deploy'), run));
      await asMallory(forge);
      const ops = await login('ops');
      expect(await leaseHolders([ops], run)).toMatchObject([{ who: 'ana' }]);
      expect(await endLeases([ops], run)).toMatchObject([{ who: 'ana' }]);
      expect(await lost).toMatchObject({ code: 'lease.lost' });
      expect(await leaseHolders([root], run)).toEqual([]);
      expect(await endLeases([root], run)).toEqual([]);
      await asRoot(`kill ${victim}; rm -f ${lock}.*`);
    });
  });
});
