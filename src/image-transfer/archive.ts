import type { FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import { Failure } from '../domain/failure.js';

/** A range of bytes in a file. */
export interface ByteRange {
  readonly start: number;
  readonly size: number;
}

const blockSize = 512;
/** Bytes per chunk of a stream. */
const chunkSize = 256 * 1024;
/** Bytes of an extended header. */
const maxPaxHeader = 65_536;
/** Bounds chains of links, which may be cyclic. */
const maxLinks = 8;

interface Header {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly link: string;
}

/**
 * Indexes the files of a tar archive (POSIX ustar and pax) by name and resolves links. Unpacks nothing, so names are
 * safe to use as they are. Throws a Failure for an invalid archive.
 */
export async function listTarFiles(archive: FileHandle): Promise<ReadonlyMap<string, ByteRange>> {
  const files = new Map<string, ByteRange>();
  const links = new Map<string, string>();
  let paxHeaders: ReadonlyMap<string, string> = new Map();
  for (let at = 0; ; ) {
    const bytes = await readRange(archive, { start: at, size: blockSize });
    if (bytes.every((byte) => byte === 0)) break;
    const header = parseHeader(bytes, paxHeaders);
    const content = { start: at + blockSize, size: header.size };
    at = content.start + Math.ceil(content.size / blockSize) * blockSize;
    paxHeaders = header.type === 'x' ? parsePaxHeader(await readRange(archive, content)) : new Map();
    if (header.type === '0') files.set(header.name, content);
    if (header.type === '1') links.set(header.name, header.link);
    if (header.type === '2') links.set(header.name, posix.join(posix.dirname(header.name), header.link));
  }
  for (const [name, target] of links) {
    const found = files.get(resolveLink(links, target));
    if (found !== undefined) files.set(name, found);
  }
  return files;
}

/** Reads a range of at most 4 MiB. Throws a Failure if it is larger or the file is shorter. */
export async function readRange(file: FileHandle, { start, size }: ByteRange): Promise<Buffer> {
  if (size > 4 * 1024 * 1024) throw unreadableArchive('a metadata file is too large');
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await file.read(bytes, 0, size, start);
  if (bytesRead < size) throw unreadableArchive('it is truncated');
  return bytes;
}

/** Reads a range of any size in chunks. Throws a Failure if the file is shorter. */
export async function* readChunks(file: FileHandle, { start, size }: ByteRange): AsyncGenerator<Buffer> {
  const end = start + size;
  for (let at = start; at < end; ) {
    const bytes = Buffer.allocUnsafe(Math.min(chunkSize, end - at));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, at);
    if (bytesRead === 0) throw unreadableArchive('it is truncated');
    yield bytes.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Returns the failure for an invalid archive. */
export function unreadableArchive(why: string): Failure {
  return new Failure('failed', 'shipment.unreadable', `cannot read the output of \`docker save\`: ${why}`, {
    hint: 'check that `docker save IMAGE | docker load` works on this machine',
  });
}

function resolveLink(links: ReadonlyMap<string, string>, name: string): string {
  let target = name;
  for (let step = 0; step < maxLinks; step += 1) target = links.get(target) ?? target;
  return target;
}

function parseHeader(bytes: Buffer, paxHeaders: ReadonlyMap<string, string>): Header {
  const text = (from: number, length: number) =>
    bytes
      .subarray(from, from + length)
      .toString()
      .replace(/\0.*$/s, '');
  if (text(257, 5) !== 'ustar') throw unreadableArchive('it is not a tar archive');
  const prefix = text(345, 155);
  const size = Number(paxHeaders.get('size') ?? parseSize(bytes.subarray(124, 136)));
  if (!Number.isSafeInteger(size) || size < 0) throw unreadableArchive('a file has no size');
  const type = text(156, 1) || '0';
  if (type === 'x' && size > maxPaxHeader) throw unreadableArchive('a header is too large');
  return {
    name: paxHeaders.get('path') ?? (prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`),
    link: paxHeaders.get('linkpath') ?? text(157, 100),
    type,
    size: type === '1' || type === '2' || type === '5' ? 0 : size,
  };
}

/** Parses an octal size, or a binary one, marked by the top bit. */
function parseSize(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(field.readBigUInt64BE(4));
  const digits = field.toString('latin1').replace(/[\0 ]+$/, '');
  return /^ *[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** Parses pax records: `LENGTH KEY=VALUE\n`. */
function parsePaxHeader(bytes: Buffer): ReadonlyMap<string, string> {
  const paxHeaders = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const [, digits = '', key = ''] = /^(\d{1,5}) ([^=]+)=/.exec(bytes.subarray(at).toString()) ?? [];
    const length = Number(digits);
    if (length === 0 || at + length > bytes.length) throw unreadableArchive('a header is malformed');
    const start = at + digits.length + Buffer.byteLength(key) + 2;
    paxHeaders.set(key, bytes.subarray(start, at + length - 1).toString());
    at += length;
  }
  return paxHeaders;
}
