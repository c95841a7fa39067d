import type { Socket } from 'node:net';

/** Encodes a number as in RFC 4251. */
export function uint32(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeUInt32BE(value >>> 0);
  return buffer;
}

export const byte = (value: number): Buffer => Buffer.from([value]);

/** Encodes text or bytes with their length, the `string` of RFC 4251. */
export function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** Reads the fields of a packet in order. Throws a RangeError at its end. */
export class PacketReader {
  readonly #packet: Buffer;
  #at = 0;

  constructor(packet: Buffer) {
    this.#packet = packet;
  }

  byte(): number {
    const value = this.#packet.readUInt8(this.#at);
    this.#at += 1;
    return value;
  }

  uint32(): number {
    const value = this.#packet.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  bytes(): Buffer {
    const length = this.uint32();
    if (this.#at + length > this.#packet.length) throw new RangeError('a field is longer than its packet');
    this.#at += length;
    return this.#packet.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.bytes().toString();
  }
}

/** A socket that carries packets, each after its length. */
export class PacketSocket {
  readonly #socket: Socket;
  readonly #early: Buffer[] = [];
  #handle: ((packet: Buffer) => void) | undefined;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data: Buffer) => this.#split(data));
    socket.on('error', () => undefined);
  }

  send(...parts: readonly Buffer[]): void {
    if (!this.#socket.writable) return;
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    this.#socket.write(Buffer.concat([uint32(length), ...parts]));
  }

  /** Passes each packet to `handle` from now on, including those that came early. */
  onPacket(handle: (packet: Buffer) => void): void {
    this.#handle = handle;
    for (const packet of this.#early.splice(0)) handle(packet);
  }

  /** Returns the next packet. Rejects when the socket closes. */
  next(): Promise<PacketReader> {
    return new Promise((resolve, reject) => {
      const early = this.#early.shift();
      if (early !== undefined) return resolve(new PacketReader(early));
      const onClose = () => reject(new Error('ssh closed its control connection'));
      if (this.#socket.destroyed) return onClose();
      this.#socket.once('close', onClose);
      this.#handle = (packet) => {
        this.#handle = undefined;
        this.#socket.off('close', onClose);
        resolve(new PacketReader(packet));
      };
    });
  }

  onClose(listener: () => void): void {
    if (this.#socket.destroyed) listener();
    else this.#socket.once('close', listener);
  }

  close(): void {
    this.#socket.destroy();
  }

  #split(data: Buffer): void {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readUInt32BE(0);
      if (this.#rest.length < end) return;
      const packet = this.#rest.subarray(4, end);
      this.#rest = this.#rest.subarray(end);
      if (this.#handle === undefined) this.#early.push(packet);
      else this.#handle(packet);
    }
  }
}
