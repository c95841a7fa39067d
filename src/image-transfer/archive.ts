import type { FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import { Failure } from '../domain/failure.js';

/** A stretch of a file. */
export interface Stretch {
  readonly start: number;
  readonly size: number;
}

const block = 512;
/** Bytes that are read at once of what is handed on. */
const piece = 256 * 1024;
/** The most bytes of a header that only describes the next one. */
const longestNote = 65_536;
/** A link may lead to another one, but not in circles. */
const mostLinks = 8;

interface Header {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly link: string;
}

/**
 * Where the files of a tar archive (POSIX ustar and pax) are in it, by name; links lead to what they name in the archive. Nothing is
 * unpacked: a name is only looked up, and may be whatever it likes. Throws a Failure when it is no such archive.
 */
export async function filesOf(archive: FileHandle): Promise<ReadonlyMap<string, Stretch>> {
  const files = new Map<string, Stretch>();
  const links = new Map<string, string>();
  let notes: ReadonlyMap<string, string> = new Map();
  for (let at = 0; ; ) {
    const bytes = await read(archive, { start: at, size: block });
    if (bytes.every((byte) => byte === 0)) break;
    const header = parseHeader(bytes, notes);
    const content = { start: at + block, size: header.size };
    at = content.start + Math.ceil(content.size / block) * block;
    notes = header.type === 'x' ? parseNotes(await read(archive, content)) : new Map();
    if (header.type === '0') files.set(header.name, content);
    if (header.type === '1') links.set(header.name, header.link);
    if (header.type === '2') links.set(header.name, posix.join(posix.dirname(header.name), header.link));
  }
  for (const [name, target] of links) {
    const found = files.get(followed(links, target));
    if (found !== undefined) files.set(name, found);
  }
  return files;
}

/** Exactly this stretch. Throws a Failure where the file is shorter, or that is more than anybody should want in memory. */
export async function read(file: FileHandle, { start, size }: Stretch): Promise<Buffer> {
  if (size > 4 * 1024 * 1024) throw unreadable('a description is too large');
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await file.read(bytes, 0, size, start);
  if (bytesRead < size) throw unreadable('it is cut off');
  return bytes;
}

/** The same, piece by piece, however long it is. */
export async function* readPieces(file: FileHandle, { start, size }: Stretch): AsyncGenerator<Buffer> {
  const end = start + size;
  for (let at = start; at < end; ) {
    const bytes = Buffer.allocUnsafe(Math.min(piece, end - at));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, at);
    if (bytesRead === 0) throw unreadable('it is cut off');
    yield bytes.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** The failure of an archive of images that is not as it should be. */
export function unreadable(why: string): Failure {
  return new Failure('failed', 'shipment.unreadable', `what \`docker save\` wrote cannot be read: ${why}`, {
    hint: 'see whether `docker save IMAGE | docker load` works on this machine',
  });
}

function followed(links: ReadonlyMap<string, string>, name: string): string {
  let target = name;
  for (let step = 0; step < mostLinks; step += 1) target = links.get(target) ?? target;
  return target;
}

function parseHeader(bytes: Buffer, notes: ReadonlyMap<string, string>): Header {
  const text = (from: number, length: number) =>
    bytes
      .subarray(from, from + length)
      .toString()
      .replace(/\0.*$/s, '');
  if (text(257, 5) !== 'ustar') throw unreadable('it is not a tar archive');
  const prefix = text(345, 155);
  const size = Number(notes.get('size') ?? parseSize(bytes.subarray(124, 136)));
  if (!Number.isSafeInteger(size) || size < 0) throw unreadable('a file has no size');
  const type = text(156, 1) || '0';
  if (type === 'x' && size > longestNote) throw unreadable('a header is too large');
  return {
    name: notes.get('path') ?? (prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`),
    link: notes.get('linkpath') ?? text(157, 100),
    type,
    size: type === '1' || type === '2' || type === '5' ? 0 : size,
  };
}

/** Octal, or, for what is too large for that, a binary number behind a set bit. */
function parseSize(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(field.readBigUInt64BE(4));
  const digits = field.toString('latin1').replace(/[\0 ]+$/, '');
  return /^ *[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** The records of a pax header: `LENGTH KEY=VALUE\n`. */
function parseNotes(bytes: Buffer): ReadonlyMap<string, string> {
  const notes = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const [, digits = '', key = ''] = /^(\d{1,5}) ([^=]+)=/.exec(bytes.subarray(at).toString()) ?? [];
    const length = Number(digits);
    if (length === 0 || at + length > bytes.length) throw unreadable('a header is broken');
    const start = at + digits.length + Buffer.byteLength(key) + 2;
    notes.set(key, bytes.subarray(start, at + length - 1).toString());
    at += length;
  }
  return notes;
}
