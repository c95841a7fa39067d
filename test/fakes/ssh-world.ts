import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { systemClock } from '../../src/domain/clock.js';
import type { HostAddress } from '../../src/domain/environment.js';
import type { Failure } from '../../src/domain/failure.js';
import type { Host } from '../../src/host/host.js';
import { connectAll, type Hosts, type HostsOptions } from '../../src/host/hosts.js';
import { keyPair, SshServer, type SshServerOptions } from './ssh-server.js';

/** A home directory with a key, and SSH servers that accept it; new for each test. */
export class SshWorld {
  readonly key = keyPair();
  readonly #transport: Partial<HostAddress>;
  readonly #closing: (() => Promise<unknown>)[] = [];
  #home = '';

  constructor(transport: Partial<HostAddress> = {}) {
    this.#transport = transport;
    beforeEach(() => {
      this.#home = mkdtempSync(join(tmpdir(), 'home-'));
      mkdirSync(this.path('.ssh'));
      writeFileSync(this.path('key'), this.key.private, { mode: 0o600 });
    });
    afterEach(async () => {
      for (const close of this.#closing.splice(0).reverse()) await close();
      rmSync(this.#home, { recursive: true });
    });
  }

  get home(): string {
    return this.#home;
  }

  path(name: string): string {
    return join(this.#home, name);
  }

  /** Calls `close` after the test. */
  onClose(close: () => Promise<unknown>): void {
    this.#closing.push(close);
  }

  /** Starts a server whose key is known. */
  async serve(options: SshServerOptions = {}): Promise<SshServer> {
    const server = await SshServer.start({ authorized: [this.key.public], ...options });
    this.onClose(() => server.close());
    writeFileSync(this.path('known_hosts'), server.known, { flag: 'a' });
    return server;
  }

  addressOf(port: number, more: Partial<HostAddress> = {}): HostAddress {
    const own = { name: 'web-1', address: '127.0.0.1', port, user: 'deploy', key: '~/key' };
    return { ...own, knownHosts: '~/known_hosts', hostKeys: 'known', ...this.#transport, ...more };
  }

  async connect(addresses: HostAddress[], options: Partial<HostsOptions> = {}): Promise<Hosts> {
    const environment = { home: this.#home, user: 'me', variables: { PATH: process.env.PATH } };
    const hosts = await connectAll(addresses, { clock: systemClock, environment, ...options });
    this.onClose(() => hosts.close());
    return hosts;
  }

  async connected(
    port: number,
    more: Partial<HostAddress> = {},
    options: Partial<HostsOptions> = {},
  ): Promise<Host> {
    const { connected: hosts, failures } = await this.connect([this.addressOf(port, more)], options);
    const host = hosts.get('web-1');
    if (host === undefined) throw failures[0] ?? new Error('neither connected nor failed');
    return host;
  }

  async refusal(
    port: number,
    more: Partial<HostAddress> = {},
    options: Partial<HostsOptions> = {},
  ): Promise<Failure> {
    const { failures } = await this.connect([this.addressOf(port, more)], options);
    const [failure] = failures;
    if (failure === undefined) throw new Error('it connected');
    return failure;
  }

  /** Listens on a free port until the end of the test. */
  async listen(server: Server | HttpServer): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    this.onClose(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  }
}

/** Returns a port of this machine that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
