/** A value of the metadata. Numbers say how they are written, since readers insist on it. */
export type GgufValue =
  | string
  | boolean
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly strings: readonly string[] }
  | { readonly float32s: readonly number[] }
  | { readonly int32s: readonly number[] };

export interface GgufTensor {
  readonly name: string;
  /** How many numbers each dimension has; those of the first stand side by side. */
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Numbers of the types of metadata values, and of tensors: `gguf_metadata_value_type`, `ggml_type`. */
const TYPE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const TENSOR_OF_FLOAT32 = 0;
/** Where nothing else is said, the data of each tensor begins at a multiple of this. */
const ALIGNMENT = 32;

/**
 * A model in the file format of llama.cpp, GGUF version 3: header, metadata, what the tensors are, what they hold.
 * All of it little-endian. github.com/ggml-org/ggml: docs/gguf.md.
 * @throws where a tensor holds more or fewer numbers than its shape says.
 */
export function writeGguf(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Buffer {
  const values = Object.entries(metadata);
  const head = [Buffer.from('GGUF'), uint32(3), uint64(tensors.length), uint64(values.length)];
  for (const [key, value] of values) head.push(string(key), metadataValue(value));
  const data: Buffer[] = [];
  let offset = 0;
  for (const { name, shape, data: numbers } of tensors) {
    if (numbers.length !== shape.reduce((product, each) => product * each, 1))
      throw new RangeError(`${name} holds ${numbers.length} numbers, but its shape is ${shape.join(' x ')}`);
    head.push(string(name), uint32(shape.length), ...shape.map((each) => uint64(each)));
    head.push(uint32(TENSOR_OF_FLOAT32), uint64(offset));
    const bytes = padded(concat([...numbers], float32));
    data.push(bytes);
    offset += bytes.length;
  }
  return Buffer.concat([padded(Buffer.concat(head)), ...data]);
}

function metadataValue(value: GgufValue): Buffer {
  if (typeof value === 'string') return Buffer.concat([uint32(TYPE.string), string(value)]);
  if (typeof value === 'boolean') return Buffer.concat([uint32(TYPE.bool), Buffer.of(value ? 1 : 0)]);
  if ('uint32' in value) return Buffer.concat([uint32(TYPE.uint32), uint32(value.uint32)]);
  if ('float32' in value) return Buffer.concat([uint32(TYPE.float32), float32(value.float32)]);
  if ('strings' in value) return array(TYPE.string, value.strings, string);
  if ('float32s' in value) return array(TYPE.float32, value.float32s, float32);
  return array(TYPE.int32, value.int32s, int32);
}

function array<Item>(type: number, items: readonly Item[], write: (item: Item) => Buffer): Buffer {
  return Buffer.concat([uint32(TYPE.array), uint32(type), uint64(items.length), concat(items, write)]);
}

function concat<Item>(items: readonly Item[], write: (item: Item) => Buffer): Buffer {
  return Buffer.concat(items.map((item) => write(item)));
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & (ALIGNMENT - 1))]);
}

/** Its length in bytes, then its UTF-8, without a zero behind it. */
function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
