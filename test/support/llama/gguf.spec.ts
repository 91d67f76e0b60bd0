import { describe, expect, it } from '@jest/globals';
import { writeGguf, type GgufValue } from './gguf.js';
import { tinyModel } from './tiny-model.js';

/** Reads what the format says, and knows nothing of how it was written. */
class Reader {
  private at = 0;
  constructor(private readonly bytes: Buffer) {}

  uint32 = (): number => this.bytes.readUInt32LE(this.take(4));
  int32 = (): number => this.bytes.readInt32LE(this.take(4));
  float32 = (): number => this.bytes.readFloatLE(this.take(4));
  bool = (): boolean => this.bytes.readUInt8(this.take(1)) === 1;
  uint64 = (): number => Number(this.bytes.readBigUInt64LE(this.take(8)));
  string = (): string => {
    const length = this.uint64();
    const from = this.take(length);
    return this.bytes.toString('utf8', from, from + length);
  };
  value = (type = this.uint32()): unknown => {
    if (type === 9) {
      const itemType = this.uint32();
      return this.list(() => this.value(itemType));
    }
    const read = { 4: this.uint32, 5: this.int32, 6: this.float32, 7: this.bool, 8: this.string }[type];
    if (!read) throw new RangeError(`there is no type ${type} in it`);
    return read();
  };
  list = <Item>(read: () => Item, length = this.uint64()): Item[] => Array.from({ length }, read);
  align = (to: number): number => (this.at = Math.ceil(this.at / to) * to);

  private take(length: number): number {
    this.at += length;
    return this.at - length;
  }
}

function readGguf(bytes: Buffer) {
  const reader = new Reader(bytes);
  const [magic, version] = [reader.uint32(), reader.uint32()];
  const [tensorCount, valueCount] = [reader.uint64(), reader.uint64()];
  const metadata = Object.fromEntries(
    reader.list(() => [reader.string(), reader.value()] as const, valueCount),
  );
  const infos = reader.list(
    () => ({
      name: reader.string(),
      shape: reader.list(reader.uint64, reader.uint32()),
      type: reader.uint32(),
      offset: reader.uint64(),
    }),
    tensorCount,
  );
  const start = reader.align(32);
  const tensors = infos.map((info) => {
    const length = info.shape.reduce((product, each) => product * each, 1);
    const at = start + info.offset;
    return { ...info, data: Array.from({ length }, (_, index) => bytes.readFloatLE(at + 4 * index)) };
  });
  return { magic, version, metadata, tensors, start };
}

describe('writeGguf', () => {
  it('writes a header, every kind of value, and tensors that begin at multiples of 32', () => {
    const metadata: Record<string, GgufValue> = {
      text: 'grüße',
      yes: true,
      count: { uint32: 4_000_000_000 },
      share: { float32: 0.5 },
      words: { strings: ['\u2581a', ''] },
      scores: { float32s: [-1.5] },
      types: { int32s: [-3, 6] },
    };
    const tensors = [
      { name: 'three', shape: [3], data: Float32Array.of(1, 2, 3) },
      { name: 'matrix', shape: [2, 2], data: Float32Array.of(4, 5, 6, 7) },
    ];
    const bytes = writeGguf(metadata, tensors);
    expect(bytes.toString('latin1', 0, 4)).toBe('GGUF');
    expect(bytes.length % 32).toBe(0);
    expect(readGguf(bytes)).toMatchObject({
      version: 3,
      metadata: {
        ...{ text: 'grüße', yes: true, count: 4_000_000_000, share: 0.5 },
        ...{ words: ['\u2581a', ''], scores: [-1.5], types: [-3, 6] },
      },
      tensors: [
        { name: 'three', shape: [3], type: 0, offset: 0, data: [1, 2, 3] },
        { name: 'matrix', shape: [2, 2], type: 0, offset: 32, data: [4, 5, 6, 7] },
      ],
    });
  });

  it('refuses a tensor whose shape is not that of its data', () => {
    const tensors = [{ name: 'odd', shape: [2, 2], data: Float32Array.of(1) }];
    expect(() => writeGguf({}, tensors)).toThrow('odd holds 1 numbers, but its shape is 2 x 2');
  });
});

describe('tinyModel', () => {
  const bytes = tinyModel({ seed: 1, contextTokens: 512 });

  it('is the same for the same seed, and another for another', () => {
    expect(tinyModel({ seed: 1, contextTokens: 512 }).equals(bytes)).toBe(true);
    expect(tinyModel({ seed: 2, contextTokens: 512 }).equals(bytes)).toBe(false);
  });

  it('has a token for every byte, and as many rows of weights as tokens', () => {
    const { metadata, tensors } = readGguf(bytes);
    const tokens = metadata['tokenizer.ggml.tokens'] as readonly string[];
    expect(tokens.filter((token) => /^<0x[0-9A-F]{2}>$/.test(token))).toHaveLength(256);
    for (const name of ['token_embd.weight', 'output.weight']) {
      expect(tensors.find((each) => each.name === name)?.shape).toEqual([64, tokens.length]);
    }
    expect(metadata).toMatchObject({ 'general.architecture': 'llama', 'llama.context_length': 512 });
  });
});
