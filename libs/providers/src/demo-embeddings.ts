import { createHash } from 'node:crypto';
import { readMember } from '#core/body.js';
import { estimatePromptTokens } from '#core/estimate-tokens.js';
import { toBase64 } from './embedding-encoding.js';
import type { CallEnd, ProviderFrame } from './provider.js';

const DEFAULT_DIMENSIONS = 256;
const MAX_DIMENSIONS = 4_096;

/**
 * Vectors of length 1 that are made without a model: each word counts in a place that its hash chooses, so that texts
 * with words in common are near each other, and equal texts equal.
 */
export async function* demoEmbeddings(body: Buffer): AsyncGenerator<ProviderFrame, CallEnd, void> {
  const input: unknown = JSON.parse(readMember(body, 'input') ?? '""');
  const asked = Number(readMember(body, 'dimensions') ?? DEFAULT_DIMENSIONS) || DEFAULT_DIMENSIONS;
  const dimensions = Math.min(asked, MAX_DIMENSIONS);
  const isList = Array.isArray(input) && typeof input[0] !== 'number';
  const isBase64 = readMember(body, 'encoding_format') === '"base64"';
  const data = (isList ? input : [input]).map((text, index) => {
    const vector = embedWords(wordsOf(text), dimensions);
    return { object: 'embedding', index, embedding: isBase64 ? toBase64(vector) : vector };
  });
  const promptTokens = estimatePromptTokens(body);
  const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
  yield { bytes: Buffer.from(JSON.stringify({ object: 'list', data, model: 'demo', usage })), output: true };
  return { ok: true, usage: { promptTokens, completionTokens: 0 } };
}

function wordsOf(text: unknown): string[] {
  const words = Array.isArray(text)
    ? text.map(String)
    : String(text)
        .toLowerCase()
        .match(/[\p{L}\p{N}]+/gu);
  return words ?? [String(text)];
}

function embedWords(words: readonly string[], dimensions: number): number[] {
  const counts = Array.from({ length: dimensions }, () => 0);
  for (const word of words) {
    const hash = createHash('sha256').update(word).digest();
    const place = hash.readUInt32LE(0) % dimensions;
    counts[place] = (counts[place] ?? 0) + (hash.readUInt8(4) % 2 === 0 ? 1 : -1);
  }
  const length = Math.hypot(...counts);
  // Two words may cancel each other out.
  return length === 0 ? [1, ...counts.slice(1)] : counts.map((count) => count / length);
}
