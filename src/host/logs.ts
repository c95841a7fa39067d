import { stripVTControlCharacters } from 'node:util';

const header = 8;

/**
 * The text of a container's logs. Without a terminal the engine sends frames, `[stream, 0, 0, 0, length (4 bytes, big endian)]` and
 * the bytes (https://docs.docker.com/reference/api/engine/, "Stream format"); with one it sends the bytes alone.
 */
export function logText(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = at + header <= bytes.length ? bytes.readUInt32BE(at + 4) : Number.POSITIVE_INFINITY;
    const isFrame =
      (bytes[at] ?? 9) <= 2 && bytes.readUIntBE(at + 1, Math.min(3, bytes.length - at - 1) || 1) === 0;
    if (!isFrame || at + header + length > bytes.length) return bytes.toString();
    parts.push(bytes.subarray(at + header, at + header + length));
    at += header + length;
  }
  return Buffer.concat(parts).toString();
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const operatingSystemCommand = /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** The text without terminal escapes and control characters, but for tabs and newlines. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text.replace(operatingSystemCommand, '')).replace(control, '');
}

/** The last lines, without terminal escapes and control characters. */
export function lastLines(text: string, count: number): string[] {
  const lines = plainText(text).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return count === 0 ? [] : lines.slice(-count);
}
