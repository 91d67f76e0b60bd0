import { Random } from '../random.js';
import { writeGguf, type GgufTensor, type GgufValue } from './gguf.js';

/** Numbers per token, inside a layer, and per layer's inner step; layers. Small: it is to talk, not to make sense. */
const WIDTH = 64;
const HEADS = 4;
const INNER = 128;
const LAYERS = 2;

const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];

/** Letters of two, each with and without a blank before it (`▁` in the vocabulary): these are what it says. */
const SYLLABLES = ['', '\u2581'].flatMap((blank) =>
  [...'bdfghklmnprst'].flatMap((first) => [...'aeiou'].map((second) => `${blank}${first}${second}`)),
);

interface Token {
  readonly text: string;
  readonly type: number;
}

/** The three that llama's models begin with, every byte, so that it reads any text, and the syllables. */
const VOCABULARY: readonly Token[] = [
  { text: '<unk>', type: UNKNOWN },
  { text: '<s>', type: CONTROL },
  { text: '</s>', type: CONTROL },
  ...Array.from({ length: 256 }, (_, byte) => ({
    text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    type: BYTE,
  })),
  ...SYLLABLES.map((text) => ({ text, type: NORMAL })),
];

/** As many models' templates do, it knows three roles and refuses any other. */
const TEMPLATE = `
{%- for message in messages -%}
{%- if message.role not in ['system', 'user', 'assistant'] -%}
{{- raise_exception('Only system, user and assistant roles are supported!') -}}
{%- endif -%}
{{- message.role + ': ' + message.content + '\\n' -}}
{%- endfor -%}
{{- 'assistant:' -}}`;

/**
 * A model of llama's architecture as a GGUF file of some 700 kB, with weights drawn from the seed. It speaks syllables
 * without sense, and never ends by itself: its answer is as long as `max_tokens` or the context allow.
 * @param contextTokens the longest context that it says it was made for.
 */
export function tinyModel({ seed, contextTokens }: { seed: number; contextTokens: number }): Buffer {
  return writeGguf(metadata(contextTokens), weights(new Random(seed)));
}

function metadata(contextTokens: number): Readonly<Record<string, GgufValue>> {
  return {
    'general.architecture': 'llama',
    'general.name': 'tiny',
    'llama.context_length': { uint32: contextTokens },
    'llama.embedding_length': { uint32: WIDTH },
    'llama.block_count': { uint32: LAYERS },
    'llama.feed_forward_length': { uint32: INNER },
    'llama.rope.dimension_count': { uint32: WIDTH / HEADS },
    'llama.attention.head_count': { uint32: HEADS },
    'llama.attention.layer_norm_rms_epsilon': { float32: 1e-5 },
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': { strings: VOCABULARY.map(({ text }) => text) },
    'tokenizer.ggml.scores': { float32s: VOCABULARY.map((_, index) => -index) },
    'tokenizer.ggml.token_type': { int32s: VOCABULARY.map(({ type }) => type) },
    'tokenizer.ggml.unknown_token_id': { uint32: 0 },
    'tokenizer.ggml.bos_token_id': { uint32: 1 },
    'tokenizer.ggml.eos_token_id': { uint32: 2 },
    'tokenizer.chat_template': TEMPLATE,
  };
}

/**
 * The first number of every token is the same, and no layer adds to it: what the output makes of it is a bias. With it
 * the syllables are likely, and the end of the text is not.
 */
function weights(random: Random): readonly GgufTensor[] {
  const draw = (scale: number) => (random.next() * 2 - 1) * scale;
  const matrix = (
    name: string,
    columns: number,
    rows: number,
    scale: number,
    first?: (row: number) => number,
  ) => tensor(name, [columns, rows], (column, row) => (column === 0 && first ? first(row) : draw(scale)));
  const adding = (name: string, columns: number) =>
    tensor(name, [columns, WIDTH], (_, row) => (row === 0 ? 0 : draw(0.2)));
  const norm = (name: string) => tensor(name, [WIDTH], () => 1);
  const layer = (index: number) => {
    const of = (name: string) => `blk.${index}.${name}.weight`;
    return [
      norm(of('attn_norm')),
      ...['attn_q', 'attn_k', 'attn_v'].map((name) => matrix(of(name), WIDTH, WIDTH, 0.2)),
      adding(of('attn_output'), WIDTH),
      norm(of('ffn_norm')),
      ...['ffn_gate', 'ffn_up'].map((name) => matrix(of(name), WIDTH, INNER, 0.2)),
      adding(of('ffn_down'), INNER),
    ];
  };
  return [
    matrix('token_embd.weight', WIDTH, VOCABULARY.length, 1, () => 4),
    ...Array.from({ length: LAYERS }, (_, index) => layer(index)).flat(),
    norm('output_norm.weight'),
    matrix('output.weight', WIDTH, VOCABULARY.length, 0.5, (row) =>
      VOCABULARY[row]?.type === NORMAL ? 4 : -4,
    ),
  ];
}

function tensor(
  name: string,
  shape: readonly [columns: number, rows?: number],
  valueAt: (column: number, row: number) => number,
): GgufTensor {
  const [columns, rows = 1] = shape;
  const data = Float32Array.from({ length: columns * rows }, (_, index) =>
    valueAt(index % columns, Math.floor(index / columns)),
  );
  return { name, shape: shape.filter((each) => each !== undefined), data };
}
