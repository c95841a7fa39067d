import { spawn } from 'node:child_process';
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import type { AuthContext, Connection, Server, ServerChannel, Session } from 'ssh2';
import ssh2 from 'ssh2';

/** The behavior of the server. By default it accepts everyone, and runs and forwards everything. */
export interface SshServerOptions {
  /** The accepted public keys, in the format of authorized_keys. */
  readonly authorized?: readonly string[];
  /** Sessions per connection. */
  readonly maxSessions?: number;
  readonly tcpForwarding?: boolean;
  /** False: `AllowTcpForwarding local`. */
  readonly remoteForwarding?: boolean;
  /** Listens on all addresses for forwarded ports: `GatewayPorts yes`. */
  readonly gatewayPorts?: boolean;
  /** The reported origin of connections to forwarded ports. */
  readonly from?: string;
  /** The local TCP port that replaces `/var/run/docker.sock`. */
  readonly docker?: number;
  /** A folder to put first in PATH. */
  readonly programs?: string;
  /** Runs commands instead of `/bin/sh -c`. */
  readonly exec?: (command: string, channel: ServerChannel) => void;
  /** The number of connections to close before the handshake. */
  readonly drops?: number;
  readonly hostKeyType?: 'ed25519' | 'ecdsa';
}

/** A private key in file format, and a public key in authorized_keys format. */
export interface KeyPair {
  readonly private: string;
  readonly public: string;
}

export function keyPair(type: 'ed25519' | 'ecdsa' = 'ed25519', passphrase?: string): KeyPair {
  const lock = passphrase === undefined ? undefined : { passphrase, cipher: 'aes256-cbc', rounds: 1 };
  for (;;) {
    const pair =
      type === 'ecdsa'
        ? ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256, ...lock })
        : ssh2.utils.generateKeyPairSync('ed25519', lock);
    // ssh2 cannot read about 1% of the keys it generates.
    if (!(ssh2.utils.parseKey(pair.private, passphrase) instanceof Error)) return pair;
  }
}

/** The reason SSH_DISCONNECT_PROTOCOL_ERROR (RFC 4253, 11.1). */
const protocolError = 2;

/** An SSH server in this process. */
export class SshServer {
  readonly key: KeyPair;
  /** The user and key type of each login attempt. */
  readonly logins: string[] = [];
  /** The maximum of open sessions. */
  mostSessions = 0;
  connections = 0;
  readonly #options: SshServerOptions;
  readonly #ssh: Server;
  readonly #server: NetServer;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Set<Connection>();

  private constructor(options: SshServerOptions) {
    this.#options = options;
    this.key = keyPair(options.hostKeyType);
    this.#ssh = new ssh2.Server({ hostKeys: [this.key.private] }, (client) => this.#serve(client));
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      this.connections += 1;
      if (this.connections <= (options.drops ?? 0)) socket.destroy();
      else this.#ssh.injectSocket(socket);
    });
  }

  static async start(options: SshServerOptions = {}): Promise<SshServer> {
    const server = new SshServer(options);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** A line of a known_hosts file. */
  get known(): string {
    return `[127.0.0.1]:${this.port} ${this.key.public}\n`;
  }

  /** Drops all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Renews the session keys of all connections; resolves when the clients have. */
  async rekey(): Promise<void> {
    await Promise.all(
      [...this.#clients].map((client) => new Promise<void>((resolve) => client.rekey(() => resolve()))),
    );
  }

  /** Disconnects all clients because of a protocol error, as sshd does for a corrupt packet. */
  disconnect(): void {
    for (const client of this.#clients) {
      // Connection.end() always gives the reason "by application".
      const { _protocol } = client as unknown as { _protocol: { disconnect(reason: number): void } };
      _protocol.disconnect(protocolError);
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(client: Connection): void {
    this.#clients.add(client);
    client.on('error', () => undefined);
    client.on('close', () => this.#clients.delete(client));
    client.on('authentication', (context) => this.#admit(context));
    let sessions = 0;
    client.on('session', (accept, reject) => {
      if (sessions >= (this.#options.maxSessions ?? 10)) return reject();
      sessions += 1;
      this.mostSessions = Math.max(this.mostSessions, sessions);
      const session = accept();
      session.on('close', () => {
        sessions -= 1;
      });
      this.#run(session);
    });
    // Without a listener, ssh2 answers "administratively prohibited" like sshd.
    if (this.#options.tcpForwarding !== false)
      client.on('tcpip', (accept, reject, { destIP, destPort }) =>
        join(connect({ host: destIP, port: destPort }), accept, reject),
      );
    if (this.#options.remoteForwarding !== false) this.#forwardBack(client);
    const { docker } = this.#options;
    if (docker !== undefined)
      client.on('openssh.streamlocal', (accept, reject) =>
        join(connect({ host: '127.0.0.1', port: docker }), accept, reject),
      );
  }

  /** Forwards requested ports of the server to the client. */
  #forwardBack(client: Connection): void {
    const listening = new Map<number, NetServer>();
    client.on('request', (accept, reject, name, info) => {
      if (name === 'cancel-tcpip-forward' && 'bindPort' in info) {
        listening.get(info.bindPort)?.close();
        listening.delete(info.bindPort);
        accept?.();
      }
      if (name !== 'tcpip-forward' || !('bindPort' in info)) return;
      const { bindAddr, bindPort } = info;
      const server = createServer((socket) => {
        const { port } = server.address() as AddressInfo;
        const { from = '127.0.0.1' } = this.#options;
        client.forwardOut(bindAddr, port, from, socket.remotePort ?? 0, (error, channel) => {
          if (error) socket.destroy();
          else pipeBoth(socket, channel);
        });
      });
      server.once('error', () => reject?.());
      server.listen(bindPort, this.#options.gatewayPorts === true ? '0.0.0.0' : bindAddr, () => {
        const { port } = server.address() as AddressInfo;
        listening.set(port, server);
        accept?.(port);
      });
    });
    client.on('close', () => {
      for (const server of listening.values()) server.close();
    });
  }

  #admit(context: AuthContext): void {
    const { authorized } = this.#options;
    if (context.method !== 'publickey') {
      if (authorized === undefined) context.accept();
      else context.reject(['publickey']);
      return;
    }
    this.logins.push(`${context.username} ${context.key.algo}`);
    const isKnown = (text: string) => {
      const key = ssh2.utils.parseKey(text);
      return !(key instanceof Error) && key.getPublicSSH().equals(context.key.data);
    };
    if (authorized === undefined || authorized.some(isKnown)) context.accept();
    else context.reject(['publickey']);
  }

  #run(session: Session): void {
    session.on('exec', (accept, _reject, { command }) => {
      const channel = accept();
      if (this.#options.exec !== undefined) return this.#options.exec(command, channel);
      runHere(command, channel, session, this.#options.programs);
    });
  }
}

/** Uses a shell, as sshd does. */
function runHere(command: string, channel: ServerChannel, session: Session, programs?: string): void {
  const path = programs === undefined ? process.env.PATH : `${programs}:${process.env.PATH}`;
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'pipe', env: { ...process.env, PATH: path } });
  child.stdin.on('error', () => undefined);
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  session.on('signal', (_accept, _reject, { name }) => child.kill(`SIG${name}` as NodeJS.Signals));
  channel.on('close', () => child.kill());
  child.on('close', (code, signal) => {
    if (code !== null) channel.exit(code);
    else channel.exit((signal ?? 'SIGKILL').replace(/^SIG/, ''));
    channel.end();
  });
}

function join(socket: Socket, accept: () => ServerChannel, reject: () => void): void {
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.off('error', reject);
    pipeBoth(socket, accept());
  });
}

function pipeBoth(socket: Socket, channel: ServerChannel): void {
  channel.pipe(socket).pipe(channel);
  channel.on('close', () => socket.destroy());
  channel.on('error', () => socket.destroy());
  socket.on('error', () => channel.close());
}
