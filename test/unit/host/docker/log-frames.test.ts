import { describe, expect, it } from '@jest/globals';
import { Frames, LogLines } from '../../../../src/host/docker/log-frames.js';
import { unixTime } from '../../../../src/host/docker/read-logs.js';

const time = (n: number) => `2026-01-01T00:00:00.00000000${n}Z`;

function frame(stream: number, text: string): Buffer {
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

/** The lines read from bytes in chunks of this size. */
function read(bytes: Buffer, size: number, raw = false) {
  const [frames, lines] = [new Frames(raw), new LogLines(raw)];
  const found = [];
  for (let at = 0; at < bytes.length; at += size)
    found.push(...lines.take(frames.take(bytes.subarray(at, at + size))));
  return [...found, ...lines.end()];
}

describe('the lines of a log', () => {
  const bytes = Buffer.concat([
    frame(1, `${time(1)} out é\n`),
    frame(2, `${time(2)} \u001b[31merr\u001b[0m\r\n`),
    frame(1, `${time(3)} first half, `),
    frame(2, `${time(4)} between\n`),
    frame(1, `${time(5)} second half\n`),
    frame(1, `${time(6)} open`),
  ]);
  const lines = [
    { time: time(1), stream: 'stdout', text: 'out é' },
    { time: time(2), stream: 'stderr', text: 'err' },
    { time: time(4), stream: 'stderr', text: 'between' },
    { time: time(3), stream: 'stdout', text: 'first half, second half' },
    { time: time(6), stream: 'stdout', text: 'open' },
  ];

  it.each([1, 3, 7, 16, 10_000])(
    'are the same in pieces of %d bytes, with their times and without escapes',
    (size) => {
      expect(read(bytes, size)).toEqual(lines);
    },
  );

  it.each([1, 5, 1000])('of a terminal are all standard output, in pieces of %d bytes', (size) => {
    const text = `${time(1)} \u001b[1mone é\u001b[0m\r\n${time(2)} two`;
    expect(read(Buffer.from(text), size, true)).toEqual([
      { time: time(1), stream: 'stdout', text: 'one é' },
      { time: time(2), stream: 'stdout', text: 'two' },
    ]);
  });

  it('are split if they never end', () => {
    const piece = frame(1, `${time(1)} ${'x'.repeat(16_384)}`);
    const found = read(Buffer.concat(Array.from({ length: 40 }, () => piece)), 65_536);
    expect(found.length).toBeGreaterThan(1);
    expect(found.reduce((sum, { text }) => sum + text.length, 0)).toBe(40 * 16_384);
  });

  it('are requested with full timestamp precision', () => {
    expect(unixTime('2026-01-01T00:00:00.123456789Z')).toBe('1767225600.123456789');
    expect(unixTime('2026-01-01T00:00:00Z')).toBe('1767225600.000000000');
    expect(unixTime('2026-01-01T01:00:00.5+01:00')).toBe('1767225600.500000000');
  });
});
