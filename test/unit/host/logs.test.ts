import { describe, expect, it } from '@jest/globals';
import { lastLines, logText } from '../../../src/host/logs.js';

function frame(stream: number, text: string): Buffer {
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

describe('the logs of a container', () => {
  it('are put together from the frames of both outputs, in order', () => {
    expect(logText(Buffer.concat([frame(1, 'out\n'), frame(2, 'err é\n'), frame(1, '')]))).toBe(
      'out\nerr é\n',
    );
    expect(logText(Buffer.alloc(0))).toBe('');
  });

  it('with a terminal are the bytes as they are', () => {
    expect(logText(Buffer.from('{"level":"info"}\n'))).toBe('{"level":"info"}\n');
    expect(logText(Buffer.from('\u0001x'))).toBe('\u0001x');
  });

  it('lose terminal escapes and control characters, and keep the last lines', () => {
    const text = 'one\n\u001b[31mred\u001b[0m\r\n\u001b]0;title\u0007three\u0000\u0008\ttab\n';
    expect(lastLines(text, 2)).toEqual(['red', 'three\ttab']);
    expect(lastLines(text, 9)).toEqual(['one', 'red', 'three\ttab']);
    expect(lastLines('', 5)).toEqual([]);
    expect(lastLines(text, 0)).toEqual([]);
  });
});
