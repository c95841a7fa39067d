import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LogMerge } from '../../../../src/app/logs/merge.js';
import { MovableClock } from '../../../fakes/clock.js';

interface Line {
  readonly time: string;
  readonly text: string;
}

const line = (time: number, text = ''): Line => ({ time: String(time).padStart(6, '0'), text });
const texts = (lines: readonly Line[]) => lines.map(({ text }) => text).join('');
const never = new AbortController().signal;
const whole = Number.POSITIVE_INFINITY;

function merging(window: number, room = 1_000_000) {
  const clock = new MovableClock();
  const written: Line[] = [];
  const write = async (lines: readonly Line[]) => void written.push(...lines);
  return { merge: new LogMerge<Line>({ clock, window, write, capacity: room }), written, clock };
}

describe('merged logs', () => {
  it('are complete and in order of time when read to the end', async () => {
    const sources = fc.array(fc.array(fc.nat(50), { maxLength: 40 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(sources, fc.integer({ min: 1, max: 8 }), async (times, size) => {
        const { merge, written } = merging(whole, 500);
        const lines = times.map((source) => source.sort((a, b) => a - b).map((time) => line(time)));
        const inlets = lines.map((source) => ({ inlet: merge.open(), source }));
        const feeding = inlets.map(async ({ inlet, source }) => {
          for (let at = 0; at < source.length; at += size) await inlet.push(source.slice(at, at + size));
          inlet.end();
        });
        await Promise.all([merge.run(never), ...feeding]);
        expect(written.map(({ time }) => time)).toEqual(
          lines
            .flat()
            .map(({ time }) => time)
            .sort(),
        );
      }),
    );
  });

  it('wait only a limited time for earlier lines of other sources when followed', async () => {
    const { merge, written, clock } = merging(300);
    const [a, b] = [merge.open(), merge.open()];
    const stop = new AbortController();
    const run = merge.run(stop.signal).catch(() => undefined);
    await a.push([line(2, 'second ')]);
    await clock.advance(200);
    expect(written).toEqual([]);
    await b.push([line(1, 'first ')]);
    await clock.advance(0);
    expect(texts(written)).toBe('first ');
    await clock.advance(100);
    expect(texts(written)).toBe('first second ');
    stop.abort();
    await run;
  });

  it('continue when the clock of one host is far behind', async () => {
    const { merge, written, clock } = merging(300);
    const [ahead, behind] = [merge.open(), merge.open()];
    const stop = new AbortController();
    const run = merge.run(stop.signal).catch(() => undefined);
    await ahead.push([line(9000, 'A')]);
    for (let time = 0; time < 20; time += 1) {
      await behind.push([line(time, 'b')]);
      await clock.advance(100);
    }
    expect(texts(written).indexOf('A')).toBeLessThan(6);
    expect(texts(written)).toMatch(/b{4}$/);
    stop.abort();
    await run;
  });

  it('buffer a limited amount per source while the reader is slow', async () => {
    const clock = new MovableClock();
    let pushed = 0;
    let written = 0;
    const slow: { go: () => void } = { go: () => undefined };
    const write = async (lines: readonly Line[]) => {
      written += lines.length;
      await new Promise<void>((resolve) => {
        slow.go = resolve;
      });
    };
    const merge = new LogMerge<Line>({ clock, window: 300, write, capacity: 10_000 });
    const inlet = merge.open();
    const run = merge.run(never);
    const feed = async () => {
      for (; pushed < 2000; pushed += 1) await inlet.push([line(pushed, 'x'.repeat(100))]);
      inlet.end();
    };
    const feeding = feed();
    for (let round = 0; written < 2000; round += 1) {
      await clock.advance(1);
      expect(pushed - written).toBeLessThan(120);
      if (round > 10_000) throw new Error(`it stands still after ${written} lines`);
      slow.go();
    }
    await feeding;
    slow.go();
    await run;
    expect(written).toBe(2000);
  });

  it('end with the reason of the signal, even while waiting', async () => {
    const { merge } = merging(whole);
    merge.open();
    const stop = new AbortController();
    const run = merge.run(stop.signal);
    stop.abort('enough');
    await expect(run).rejects.toBe('enough');
  });
});
