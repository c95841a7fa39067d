import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Failure } from '../../../domain/failure.js';
import type { Channel, IncomingConnection, RemotePorts, SshClient } from '../channel.js';
import { collectOutput } from '../command-channel.js';
import { openChannel } from '../sessions.js';
import { afterMarker, shellLine } from '../shell.js';
import { closeForward, controlPath, type Forward, openForward } from './control.js';

/** Lists the addresses that listen, as `hex address:hex port … state` (proc(5)). */
const listening = ['sh', '-c', 'cat /proc/net/tcp /proc/net/tcp6 2>/dev/null'];
/** 127.0.0.0/8, ::1 and ::ffff:127.0.0.0/104, in the byte order of proc(5). */
const loopback = /^(?:[0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$/;

/** Forwarded ports of a connection of `ssh -M`; each is forwarded to a socket in a private folder. */
export class SystemPorts implements RemotePorts {
  readonly #host: string;
  readonly #client: SshClient;
  readonly #folder: string;
  readonly #listeners = new Set<(connection: IncomingConnection) => void>();
  readonly #open = new Map<number, { readonly forward: Forward; readonly server: Server }>();
  #closing: Promise<unknown> = Promise.resolve();
  #count = 0;

  constructor(host: string, client: SshClient, folder: string) {
    this.#host = host;
    this.#client = client;
    this.#folder = folder;
  }

  async open(port: number): Promise<number | undefined> {
    await this.#closing;
    this.#count += 1;
    const forward = { port, socket: join(this.#folder, `f${this.#count}`) };
    const early: Socket[] = [];
    let take = (socket: Socket): void => void early.push(socket);
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      take(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(forward.socket, resolve);
    });
    const given = await openForward(controlPath(this.#folder), forward).catch(() => undefined);
    if (given === undefined) {
      server.close();
      return undefined;
    }
    this.#open.set(given, { forward, server });
    // ssh does not tell where a connection comes from: with `GatewayPorts yes`, from anywhere.
    if (port !== 0 && !(await this.#listensOnLoopback(port))) {
      this.close(port);
      for (const socket of early) socket.destroy();
      throw gatewayFailure(this.#host, port);
    }
    take = (socket) => this.#announce(given, socket);
    for (const socket of early) take(socket);
    return given;
  }

  close(port: number): void {
    const open = this.#open.get(port);
    if (open === undefined) return;
    this.#open.delete(port);
    open.server.close();
    this.#closing = closeForward(controlPath(this.#folder), open.forward).catch(() => undefined);
  }

  onConnection(listener: (connection: IncomingConnection) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Closes all local sockets. */
  end(): void {
    for (const { server } of this.#open.values()) server.close();
    this.#open.clear();
  }

  #announce(port: number, socket: Socket): void {
    const accept = (): Channel => Object.assign(socket, { close: () => socket.destroy() });
    for (const listener of this.#listeners)
      listener({ port, from: '127.0.0.1', accept, reject: () => socket.destroy() });
  }

  async #listensOnLoopback(port: number): Promise<boolean> {
    const { line, input } = shellLine({ argv: listening });
    const { all } = await openChannel(
      (done: Parameters<SshClient['exec']>[1]) => this.#client.exec(line, done),
      (channel) => {
        channel.end(input);
        return collectOutput(channel);
      },
    );
    const addresses = (afterMarker((await all).stdout) ?? '').split('\n').flatMap((row) => {
      const [, local = '', , state] = row.trim().split(/\s+/);
      const [address = '', hex = ''] = local.split(':');
      return state === '0A' && Number.parseInt(hex, 16) === port ? [address] : [];
    });
    return addresses.length > 0 && addresses.every((address) => loopback.test(address));
  }
}

function gatewayFailure(host: string, port: number): Failure {
  const message = `cannot verify that port ${port} of ${host} is open to ${host} alone`;
  return new Failure('access', 'lend.forbidden', message, {
    host,
    hint: 'set `GatewayPorts no` in its sshd_config',
  });
}
