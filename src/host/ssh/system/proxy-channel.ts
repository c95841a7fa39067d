import { Duplex, Readable } from 'node:stream';
import type { CommandChannel } from '../channel.js';
import { byte, field, type PacketReader, uint32 } from './packets.js';

/** Message numbers of RFC 4254. */
export const message = {
  open: 90,
  confirmation: 91,
  refusal: 92,
  window: 93,
  data: 94,
  extendedData: 95,
  eof: 96,
  close: 97,
  request: 98,
  success: 99,
  failure: 100,
} as const;

/** Bytes that the peer may send before more is read. */
export const windowSize = 2 * 1024 * 1024;
/** Bytes */
export const packetSize = 32 * 1024;

export type SendPacket = (type: number, ...parts: readonly Buffer[]) => void;

/** The peer's side of an open channel. */
export interface Peer {
  readonly id: number;
  /** Bytes that it accepts. */
  readonly window: number;
  /** Bytes per packet that it accepts. */
  readonly packet: number;
}

/** A channel of the SSH connection protocol (RFC 4254). */
export class ProxyChannel extends Duplex implements CommandChannel {
  readonly stderr = new Readable({ read: () => undefined });
  readonly #send: SendPacket;
  readonly #peer: Peer;
  /** Bytes that the peer still accepts. */
  #sendWindow: number;
  /** Received bytes that the peer has no credit for yet. */
  #received = 0;
  #pending: { data: Buffer; readonly done: () => void } | undefined;
  readonly #replies: ((accepted: boolean) => void)[] = [];
  #isClosed = false;
  #hasEnded = false;

  constructor(peer: Peer, send: SendPacket) {
    super({ autoDestroy: false, emitClose: false });
    this.#peer = peer;
    this.#send = send;
    this.#sendWindow = peer.window;
  }

  /** Sends a request; passes whether the peer accepted it to `done`. */
  request(name: string, body: readonly Buffer[], done?: (accepted: boolean) => void): void {
    if (this.#isClosed) {
      done?.(false);
      return;
    }
    if (done !== undefined) this.#replies.push(done);
    this.#tell(message.request, field(name), byte(done === undefined ? 0 : 1), ...body);
  }

  signal(name: string): void {
    this.request('signal', [field(name)]);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#tell(message.close);
    this.#isClosed = true;
    this.#dropPending();
  }

  /** Handles a message of the peer. */
  receive(type: number, packet: PacketReader): void {
    switch (type) {
      case message.window:
        this.#sendWindow += packet.uint32();
        this.#flush();
        break;
      case message.data:
        this.#receiveData(packet.bytes());
        break;
      case message.extendedData:
        packet.uint32();
        this.#receiveStderr(packet.bytes());
        break;
      case message.eof:
        this.#endInput();
        break;
      case message.request:
        this.#receiveRequest(packet);
        break;
      case message.success:
      case message.failure:
        this.#replies.shift()?.(type === message.success);
        break;
      case message.close:
        this.close();
        this.finish();
        break;
    }
  }

  /** Ends both directions; the peer has closed the channel, or the connection is lost. */
  finish(): void {
    this.#isClosed = true;
    this.#dropPending();
    for (const reply of this.#replies.splice(0)) reply(false);
    this.#endInput();
    this.stderr.push(null);
    if (!this.writableEnded) this.end();
    // Readers get what has arrived before they hear of the end.
    if (this.readableEnded) this.emit('close');
    else this.once('end', () => this.emit('close'));
  }

  override _read(): void {
    this.#giveCredit();
  }

  override _write(data: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#pending = { data, done };
    if (this.#isClosed) this.#dropPending();
    else this.#flush();
  }

  override _final(done: () => void): void {
    if (!this.#isClosed) this.#tell(message.eof);
    done();
  }

  #tell(type: number, ...body: readonly Buffer[]): void {
    this.#send(type, uint32(this.#peer.id), ...body);
  }

  /** Sends as much as the peer accepts. */
  #flush(): void {
    const pending = this.#pending;
    if (pending === undefined || this.#isClosed) return;
    while (pending.data.length > 0 && this.#sendWindow > 0) {
      const part = pending.data.subarray(0, Math.min(this.#sendWindow, this.#peer.packet));
      pending.data = pending.data.subarray(part.length);
      this.#sendWindow -= part.length;
      this.#tell(message.data, field(part));
    }
    if (pending.data.length === 0) this.#dropPending();
  }

  #dropPending(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.done();
  }

  #receiveData(data: Buffer): void {
    this.#received += data.length;
    if (this.#isClosed || this.#hasEnded || this.push(data)) this.#giveCredit();
  }

  /** Standard error has no backpressure: it is read or dropped at once. */
  #receiveStderr(data: Buffer): void {
    this.#received += data.length;
    if (!this.#isClosed) this.stderr.push(data);
    this.#giveCredit();
  }

  #giveCredit(): void {
    if (this.#received < windowSize / 2 || this.#isClosed) return;
    this.#tell(message.window, uint32(this.#received));
    this.#received = 0;
  }

  #endInput(): void {
    if (!this.#hasEnded) this.push(null);
    this.#hasEnded = true;
  }

  #receiveRequest(packet: PacketReader): void {
    const [name, wantsReply] = [packet.text(), packet.byte() !== 0];
    if (name === 'exit-status') this.emit('exit', packet.uint32());
    else if (name === 'exit-signal') this.emit('exit', null, `SIG${packet.text()}`);
    // sshd's ClientAliveInterval sends requests that any reply answers.
    if (wantsReply && !this.#isClosed) this.#tell(message.failure);
  }
}
