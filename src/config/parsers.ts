import { given } from '../domain/given.js';
import type { Port } from '../domain/service.js';

/** A value that does not parse; the message is shown to the user. */
export class ParseError extends Error {}

const milliseconds = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
export const durationPattern = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/;

/** Parses `500ms`, `5s`, `1.5m` or `1h` into ms. Throws a {@link ParseError}. */
export function parseDuration(text: string): number {
  const match = durationPattern.exec(text);
  if (match === null) throw new ParseError('must be a duration, such as 500ms, 5s, 2m or 1h');
  return Math.round(Number(match[1]) * milliseconds[match[2] as keyof typeof milliseconds]);
}

/** Formats ms for {@link parseDuration}: `500ms`, `90s`. */
export const durationText = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);

const bytes = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;
export const sizePattern = /^(\d{1,12}(?:\.\d{1,3})?)(b|k|m|g)$/;
/** Docker's own minimum; bytes. */
const minMemory = 6 * bytes.m;

/** Parses `64k`, `512m` or `1.5g` into bytes, in powers of 1024. Throws a {@link ParseError}. */
export function parseSize(text: string): number {
  const match = sizePattern.exec(text);
  if (match === null) throw new ParseError('must be a size, such as 512m or 1g');
  const size = Math.round(Number(match[1]) * bytes[match[2] as keyof typeof bytes]);
  if (size < minMemory) throw new ParseError('must be at least 6m, the minimum in Docker');
  return size;
}

/** Formats bytes for {@link parseSize}: `512m`, `1g`. */
export function sizeText(size: number): string {
  const unit = (['g', 'm', 'k'] as const).find((name) => size % bytes[name] === 0) ?? 'b';
  return `${size / bytes[unit]}${unit}`;
}

export const portPattern = /^(?:(?:(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]):)?(\d{1,5}):)?(\d{1,5})$/;

/** Parses `3000`, `80:3000` (host:container) or `127.0.0.1:80:3000`. Throws a {@link ParseError}. */
export function parsePort(text: string): Port {
  const match = portPattern.exec(text);
  if (match === null) throw new ParseError('must be a port, such as 3000, "80:3000" or "127.0.0.1:80:3000"');
  const container = portNumber(match[3] ?? '');
  const host = match[2] === undefined ? container : portNumber(match[2]);
  const address = match[1]?.replace(/^\[|\]$/g, '');
  return address === undefined ? { host, container } : { address, host, container };
}

export const portRangePattern = /^(\d{1,5})-(\d{1,5})$/;

/** Parses `20000-20999`, both ends included. Throws a {@link ParseError}. */
export function parsePortRange(text: string): { from: number; to: number } {
  const [, first, last] = portRangePattern.exec(text) ?? [];
  if (first === undefined || last === undefined)
    throw new ParseError('must be a port range, such as 20000-20999');
  const [from, to] = [portNumber(first), portNumber(last)];
  if (to <= from) throw new ParseError('must end with a higher port than it starts with');
  return { from, to };
}

function portNumber(text: string): number {
  const port = Number(text);
  if (port < 1 || port > 65_535) throw new ParseError(`port ${text} must be between 1 and 65535`);
  return port;
}

export const statusPattern = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/;

/** Parses `204` or `200-299`, both ends included. Throws a {@link ParseError}. */
export function parseStatus(text: string): { from: number; to: number } {
  const match = statusPattern.exec(text);
  if (match === null) throw new ParseError('must be a status code or a range, such as 204 or 200-299');
  const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
  if (to < from) throw new ParseError('must not end with a lower status than it starts with');
  return { from, to };
}

/** The address of an SSH server, with its user and port if given. */
export interface SshAddress {
  readonly address: string;
  readonly user?: string;
  readonly port?: number;
}

export const sshAddressPattern =
  /^(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*)(?::(\d{1,5}))?$/;

/** Parses `10.0.0.5`, `deploy@web-1.example.com:2222` or `[2001:db8::1]:22`; rejects ssh options. Throws a {@link ParseError}. */
export function parseSshAddress(text: string): SshAddress {
  const match = text.length > 320 ? null : sshAddressPattern.exec(text);
  if (match === null) throw new ParseError('must be an address, such as host, user@host or user@host:port');
  const address = (match[2] ?? '').replace(/^\[|\]$/g, '');
  return {
    address,
    ...given({ user: match[1] }),
    ...(match[3] === undefined ? {} : { port: portNumber(match[3]) }),
  };
}
