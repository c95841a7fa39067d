import type { LogLine } from '../host.js';
import { plainText } from '../plain-text.js';

const header = 8;
/** Longer lines are split, because a program may never end its line. In characters. */
const longest = 256 * 1024;

/** A part of the engine's stream, from one output. */
export interface Frame {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Buffer;
}

/**
 * Parses the engine's stream: frames of `[stream, 0, 0, 0, length (4 bytes, big endian)]` and data
 * (https://docs.docker.com/reference/api/engine/, "Stream format"), or raw standard output with a terminal. Buffers at
 * most one incomplete frame.
 */
export class Frames {
  readonly #raw: boolean;
  #rest: Buffer = Buffer.alloc(0);

  constructor(raw: boolean) {
    this.#raw = raw;
  }

  /** Returns the frames that `chunk` completes. */
  take(chunk: Buffer): readonly Frame[] {
    if (this.#raw) return [{ stream: 'stdout', data: chunk }];
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (bytes.length >= header) {
      const end = header + bytes.readUInt32BE(4);
      if (bytes.length < end) break;
      frames.push({ stream: bytes[0] === 2 ? 'stderr' : 'stdout', data: bytes.subarray(header, end) });
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return frames;
  }
}

/** An unfinished line of one output. */
interface Open {
  readonly time: string;
  readonly text: string;
}

/**
 * Assembles lines from frames that start with a timestamp. The engine splits lines after 16 KiB into frames with their own
 * timestamps; the line gets the first.
 */
export class LogLines {
  readonly #open = new Map<Frame['stream'], Open>();
  readonly #raw: boolean;
  #rest: Buffer = Buffer.alloc(0);

  constructor(raw: boolean) {
    this.#raw = raw;
  }

  take(frames: readonly Frame[]): readonly LogLine[] {
    return frames.flatMap(({ stream, data }) => {
      if (!this.#raw) return this.#piece(stream, data.toString());
      const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
      const end = bytes.length > longest ? bytes.length : bytes.lastIndexOf('\n') + 1;
      this.#rest = bytes.subarray(end);
      const lines = bytes
        .subarray(0, end)
        .toString()
        .split(/(?<=\n)/);
      return lines.flatMap((line) => (line === '' ? [] : this.#piece(stream, line)));
    });
  }

  /** Returns unfinished lines at the end of the stream. */
  end(): readonly LogLine[] {
    const rest = this.#rest.length === 0 ? [] : this.#piece('stdout', `${this.#rest.toString()}\n`);
    const open = [...this.#open].map(([stream, { time, text }]) => line(stream, time, text));
    this.#open.clear();
    return [...rest, ...open];
  }

  #piece(stream: Frame['stream'], piece: string): readonly LogLine[] {
    const space = piece.indexOf(' ');
    const before = this.#open.get(stream);
    const time = before?.time ?? piece.slice(0, space);
    const text = (before?.text ?? '') + piece.slice(space + 1);
    if (text.endsWith('\n') || text.length > longest) {
      this.#open.delete(stream);
      return [line(stream, time, text.replace(/\r?\n$/, ''))];
    }
    this.#open.set(stream, { time, text });
    return [];
  }
}

const line = (stream: LogLine['stream'], time: string, text: string): LogLine => ({
  time,
  stream,
  text: plainText(text).replaceAll('\n', ' '),
});
