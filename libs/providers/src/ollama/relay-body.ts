import type { CallFacts } from '#core/failure.js';
import type { Exchange } from '../http/exchange.js';
import { readBody } from '../http/read-body.js';
import { isRecord, parseJson } from '../json.js';
import { countTextBytes } from '../openai-compatible/chunk.js';
import type { CallEnd, ProviderFrame } from '../provider.js';
import {
  readCounts,
  readSaid,
  toBody,
  toDelta,
  toFinishReason,
  toWireUsage,
  type AnswerHead,
} from './answer.js';
import { lineError } from './line-stream.js';

type JsonObject = Readonly<Record<string, unknown>>;

interface WholeAnswer {
  readonly exchange: Exchange;
  /** Until when it must be there whole, on the `performance.now` clock. */
  readonly deadlineAt: number;
  readonly maxBytes: number;
  readonly secrets: readonly string[];
}

type Failed = Extract<CallEnd, { readonly ok: false }>;
type Answer = AsyncGenerator<ProviderFrame, CallEnd, void>;

/** Passes on an answer without `stream`: one frame, or none where it is not whole. */
export async function* relayAnswerBody(wire: WholeAnswer, head: AnswerHead): Answer {
  const read = await readAnswer(wire);
  if (!read.ok) return read;
  const { line } = read;
  const said = readSaid(line, 0);
  if (!said) return failed({ kind: 'malformed', reason: 'the body is no answer' });
  // Without it the answer was cut off, and would pass for a whole one.
  if (line['done'] !== true) return failed({ kind: 'truncated' });
  const usage = readCounts(line);
  yield {
    bytes: toBody(head, said, { finish: toFinishReason(line, said.calls.length > 0), usage }),
    output: true,
  };
  return {
    ok: true,
    ...(usage ? { usage } : { received: { deltas: 1, textBytes: countTextBytes(toDelta(said)) } }),
  };
}

/** Passes on embeddings in OpenAI's form. */
export async function* relayEmbeddings(wire: WholeAnswer, model: string): Answer {
  const read = await readAnswer(wire);
  if (!read.ok) return read;
  const { line } = read;
  const list = line['embeddings'];
  if (!Array.isArray(list)) return failed({ kind: 'malformed', reason: 'the body has no embeddings' });
  const data = list.map((embedding: unknown, index) => ({ object: 'embedding', index, embedding }));
  const usage = readCounts(line);
  const counts = usage && toWireUsage(usage);
  const body = {
    object: 'list',
    data,
    model,
    ...(counts && {
      usage: { prompt_tokens: counts['prompt_tokens'], total_tokens: counts['total_tokens'] },
    }),
  };
  yield { bytes: Buffer.from(JSON.stringify(body)), output: true };
  return { ok: true, ...(usage && { usage }) };
}

/** The JSON of the body, or how the call ended without one. */
async function readAnswer({
  exchange,
  deadlineAt,
  maxBytes,
  secrets,
}: WholeAnswer): Promise<{ readonly ok: true; readonly line: JsonObject } | Failed> {
  const read = await readBody(exchange, maxBytes, deadlineAt);
  if (read.kind === 'aborted') return { ok: false, aborted: true, phase: 'headers' };
  if (read.kind === 'failed') return failed(read.facts);
  const value = parseJson(read.bytes);
  if (!isRecord(value)) return failed({ kind: 'malformed', reason: 'the body is not a JSON object' });
  const error = lineError(value, secrets);
  return error ? failed(error) : { ok: true, line: value };
}

function failed(facts: CallFacts): Failed {
  return { ok: false, aborted: false, phase: 'headers', facts };
}
