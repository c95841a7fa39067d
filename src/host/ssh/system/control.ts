import { connect } from 'node:net';
import { join } from 'node:path';
import { field, PacketSocket, uint32 } from './packets.js';

/*
 * Requests to the control socket of `ssh -M`, see PROTOCOL.mux of OpenSSH.
 */

const protocolVersion = 4;
const hello = 1;
const request = { openForward: 0x10000006, closeForward: 0x10000007, proxy: 0x1000000f } as const;
const reply = { ok: 0x80000001, remotePort: 0x80000007, proxy: 0x8000000f } as const;
const remoteForward = 2;
/** In place of a port: the address is the path of a socket. */
const socketPort = 0xfffffffe;
const requestId = 1;

/** Path of the control socket in its folder; short, because the path of a socket has at most 104 bytes. */
export const controlPath = (folder: string): string => join(folder, 'c');

/** Connects to a control socket and exchanges versions. */
async function open(path: string): Promise<PacketSocket> {
  const socket = connect(path);
  const packets = new PacketSocket(socket);
  packets.send(uint32(hello), uint32(protocolVersion));
  const answer = await packets.next().catch((error: Error) => {
    throw new Error(`cannot use the control socket of ssh: ${error.message}`);
  });
  const [type, version] = [answer.uint32(), answer.uint32()];
  if (type !== hello || version !== protocolVersion) {
    packets.close();
    throw new Error(`ssh speaks version ${version} of the control protocol, expected ${protocolVersion}`);
  }
  return packets;
}

async function call(packets: PacketSocket, type: number, ...body: readonly Buffer[]) {
  packets.send(uint32(type), uint32(requestId), ...body);
  const answer = await packets.next();
  const kind = answer.uint32();
  answer.uint32();
  return { kind, answer };
}

/** Opens a connection that carries packets of the SSH connection protocol (RFC 4254). Needs OpenSSH 7.4. */
export async function openProxy(path: string): Promise<PacketSocket> {
  const packets = await open(path);
  const { kind } = await call(packets, request.proxy);
  if (kind === reply.proxy) return packets;
  packets.close();
  throw new Error('ssh is older than OpenSSH 7.4, which is needed');
}

/** A port of the host's loopback that is forwarded to a local socket. */
export interface Forward {
  readonly port: number;
  /** Path of the local socket. */
  readonly socket: string;
}

const forwardBody = ({ port, socket }: Forward): readonly Buffer[] => [
  uint32(remoteForward),
  field('127.0.0.1'),
  uint32(port),
  field(socket),
  uint32(socketPort),
];

/** Returns the port that the host listens on, or undefined if it refuses. */
export async function openForward(path: string, forward: Forward): Promise<number | undefined> {
  const packets = await open(path);
  try {
    const { kind, answer } = await call(packets, request.openForward, ...forwardBody(forward));
    if (kind === reply.remotePort) return answer.uint32();
    return kind === reply.ok ? forward.port : undefined;
  } finally {
    packets.close();
  }
}

export async function closeForward(path: string, forward: Forward): Promise<void> {
  const packets = await open(path);
  await call(packets, request.closeForward, ...forwardBody(forward)).finally(() => packets.close());
}
