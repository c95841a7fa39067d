import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A long wire to one address: everything arrives later, in its order. A connection itself is accepted at once, as the kernel
 * does that; it would cost both contestants one round trip.
 */
export class DelayProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `delay` is that of each direction, in ms. */
  static async to(address: string, port: number, delay: number): Promise<DelayProxy> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    const proxy = new DelayProxy(server);
    server.on('connection', (near) => {
      const far = connect({ host: address, port, noDelay: true, allowHalfOpen: true });
      proxy.#carry(near, far, delay);
      proxy.#carry(far, near, delay);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #carry(from: Socket, to: Socket, delay: number): void {
    this.#sockets.add(from);
    from.on('error', () => undefined);
    from.on('data', (data) => setTimeout(() => to.write(data), delay));
    from.on('end', () => setTimeout(() => to.end(), delay));
    from.on('close', () => {
      this.#sockets.delete(from);
      setTimeout(() => to.destroy(), delay);
    });
  }
}
