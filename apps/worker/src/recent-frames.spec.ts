import { describe, expect, it } from '@jest/globals';
import { RecentFrames, type RecentFrame } from './recent-frames.js';

const seqs = (frames: RecentFrames) => [...frames].map(({ seq }) => seq);
const text = ({ seq, bytes }: RecentFrame) => `${seq} ${bytes.toString()}`;
const frame = (seq: number, bytes = Buffer.from(`frame ${seq};`.repeat(1 + (seq % 7)))) => ({ seq, bytes });

describe('RecentFrames', () => {
  it('has nothing at first', () => {
    const frames = new RecentFrames();
    expect(frames.last).toBeUndefined();
    expect([...frames]).toEqual([]);
  });

  it('gives each frame of the last three seconds as it was, whatever became of the bytes it came in', () => {
    const frames = new RecentFrames();
    for (let seq = 1; seq <= 200; seq++) {
      const { bytes } = frame(seq);
      frames.keep({ seq, bytes }, seq * 100);
      expect(frames.last?.seq).toBe(seq);
      const first = Math.max(1, seq - 30);
      const expected = Array.from({ length: seq - first + 1 }, (_, i) => text(frame(first + i)));
      expect([...frames].map(text).join('\n')).toBe(expected.join('\n'));
    }
  });

  it('keeps the newest, however old it is, and forgets the others by its time', () => {
    const frames = new RecentFrames();
    frames.keep(frame(1), 0);
    frames.keep(frame(2), 3_000);
    expect(seqs(frames)).toEqual([1, 2]);
    frames.keep(frame(3), 6_001);
    expect(seqs(frames)).toEqual([3]);
    expect(frames.last).toEqual(frame(3));
  });

  it('keeps no more than a megabyte, but a larger one if it is the newest', () => {
    const frames = new RecentFrames();
    const large = (seq: number, kb: number) => frame(seq, Buffer.alloc(kb * 1024, seq));
    frames.keep(large(1, 400), 0);
    frames.keep(large(2, 400), 0);
    frames.keep(large(3, 400), 0);
    expect([...frames].map(text)).toEqual([large(2, 400), large(3, 400)].map(text));
    frames.keep(large(4, 2_000), 0);
    expect([...frames].map(text)).toEqual([text(large(4, 2_000))]);
    frames.keep(large(5, 1), 0);
    expect(seqs(frames)).toEqual([5]);
  });
});
