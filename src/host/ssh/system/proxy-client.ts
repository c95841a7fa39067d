import type { Channel, CommandChannel, SshClient } from '../channel.js';
import type { ChannelRefusal } from '../sessions.js';
import { byte, field, PacketReader, type PacketSocket, uint32 } from './packets.js';
import { message, ProxyChannel, packetSize, windowSize } from './proxy-channel.js';

type Opened = (error: Error | undefined, channel: ProxyChannel | undefined) => void;

/** Opens channels of a connection of `ssh -M`, over its control socket in proxy mode. */
export class ProxyClient implements SshClient {
  readonly #packets: PacketSocket;
  readonly #opening = new Map<number, Opened>();
  readonly #channels = new Map<number, ProxyChannel>();
  #lastId = -1;
  #isLost = false;

  constructor(packets: PacketSocket) {
    this.#packets = packets;
    packets.onPacket((packet) => this.#receive(packet));
    packets.onClose(() => this.#lose());
  }

  exec(line: string, done: (error: Error | undefined, channel: CommandChannel) => void): void {
    this.#open('session', [], (error, channel) => {
      if (channel === undefined) return fail(done, error);
      channel.request('exec', [field(line)], (accepted) => {
        if (accepted) return done(undefined, channel);
        channel.close();
        fail(done, new Error('the host refused to run a command'));
      });
    });
  }

  forwardOut(
    fromAddress: string,
    fromPort: number,
    address: string,
    port: number,
    done: (error: Error | undefined, channel: Channel) => void,
  ): void {
    const body = [field(address), uint32(port), field(fromAddress), uint32(fromPort)];
    this.#open('direct-tcpip', body, (error, channel) =>
      channel === undefined ? fail(done, error) : done(undefined, channel),
    );
  }

  openssh_forwardOutStreamLocal(
    path: string,
    done: (error: Error | undefined, channel: Channel) => void,
  ): void {
    this.#open('direct-streamlocal@openssh.com', [field(path), field(''), uint32(0)], (error, channel) =>
      channel === undefined ? fail(done, error) : done(undefined, channel),
    );
  }

  #open(type: string, body: readonly Buffer[], opened: Opened): void {
    if (this.#isLost) {
      opened(new Error('not connected'), undefined);
      return;
    }
    this.#lastId += 1;
    this.#opening.set(this.#lastId, opened);
    this.#send(
      ...([message.open, field(type), uint32(this.#lastId)] as const),
      ...[uint32(windowSize), uint32(packetSize), ...body],
    );
  }

  #send(type: number, ...body: readonly Buffer[]): void {
    this.#packets.send(byte(0), byte(type), ...body);
  }

  #receive(data: Buffer): void {
    const packet = new PacketReader(data);
    packet.byte();
    const [type, id] = [packet.byte(), packet.uint32()];
    const opened = this.#opening.get(id);
    if (type === message.confirmation || type === message.refusal) {
      this.#opening.delete(id);
      if (type === message.confirmation) this.#confirmed(id, packet, opened);
      else opened?.(refusal(packet.uint32(), packet.text()), undefined);
      return;
    }
    this.#channels.get(id)?.receive(type, packet);
    if (type === message.close) this.#channels.delete(id);
  }

  #confirmed(id: number, packet: PacketReader, opened: Opened | undefined): void {
    const peer = { id: packet.uint32(), window: packet.uint32(), packet: packet.uint32() };
    const channel = new ProxyChannel(peer, (type, ...body) => this.#send(type, ...body));
    this.#channels.set(id, channel);
    opened?.(undefined, channel);
  }

  #lose(): void {
    this.#isLost = true;
    const opening = [...this.#opening.values()];
    this.#opening.clear();
    for (const opened of opening) opened(new Error('the connection was lost'), undefined);
    for (const channel of this.#channels.values()) channel.finish();
    this.#channels.clear();
  }
}

/** Callers ignore the channel if there is an error, as with ssh2. */
function fail<T>(done: (error: Error, channel: T) => void, error = new Error('not connected')): void {
  done(error, undefined as never);
}

function refusal(reason: number, text: string): ChannelRefusal {
  return Object.assign(new Error(`(SSH) Channel open failure: ${text}`), { reason });
}
