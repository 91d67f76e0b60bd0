import { DEFAULT_EMBEDDING_BATCH } from '#core/capabilities.js';
import { readMember, rewriteBody } from '#core/body.js';
import { toBase64, toFloats } from './embedding-encoding.js';
import { isRecord, parseJson } from './json.js';
import type { CallEnd, ProviderCall, ProviderFrame, Usage } from './provider.js';
import { sumUsage } from './sum-usage.js';

type Encoding = 'float' | 'base64';
type Answer = AsyncGenerator<ProviderFrame, CallEnd, void>;

/**
 * Embeds all inputs of a request, in as many calls of `ask` as the upstream's limit needs, one after the other. The
 * answer is one list in the order of the inputs, and in the encoding that the client asked for, whichever of the two the
 * upstream knows.
 */
export async function* embed(call: ProviderCall, ask: (body: Buffer) => Answer): Answer {
  const { embeddingBatch = DEFAULT_EMBEDDING_BATCH } = call.capabilities ?? {};
  const batches = splitInput(call.body, embeddingBatch);
  const answers: Record<string, unknown>[] = [];
  const embeddings: Embedding[] = [];
  let usage: Usage | undefined;
  let bytes: Buffer = Buffer.alloc(0);
  for (const { body, inputs } of batches) {
    const end = yield* holdBack(ask(body), (frame) => (bytes = frame.bytes));
    usage = addUsage(usage, end.usage);
    const spent = usage && { usage };
    // Calls before it were answered, and are paid for, whatever became of this one.
    if (!end.ok) return { ...end, ...(answers.length > 0 && { phase: 'headers' as const }), ...spent };
    const answer = parseJson(bytes);
    const list = isRecord(answer) ? readEmbeddings(answer['data']) : undefined;
    if (!isRecord(answer) || list?.length !== inputs) return { ...malformed(inputs, list?.length), ...spent };
    answers.push(answer);
    embeddings.push(...list);
  }
  const encoding = readMember(call.body, 'encoding_format') === '"base64"' ? 'base64' : 'float';
  const isAsAsked = answers.length === 1 && isReady(answers[0]?.['data'], embeddings, encoding);
  yield { bytes: isAsAsked ? bytes : join(answers, embeddings, encoding), output: true };
  return { ok: true, ...(usage ? { usage } : { received: { deltas: 0, textBytes: 0 } }) };
}

interface Embedding extends Readonly<Record<string, unknown>> {
  readonly embedding: string | readonly number[];
}

/** The end of a call whose frames are nobody's yet. */
async function* holdBack(answer: Answer, take: (frame: ProviderFrame) => void): Answer {
  for (;;) {
    const step = await answer.next();
    if (step.done) return step.value;
    take(step.value);
  }
}

function malformed(inputs: number, embeddings: number | undefined): CallEnd {
  const reason = `${embeddings ?? 'no'} embeddings for ${inputs} inputs`;
  return { ok: false, aborted: false, phase: 'headers', facts: { kind: 'malformed', reason } };
}

/** Bodies with at most `most` inputs each. A text alone, and a list of tokens, are one input. */
function splitInput(body: Buffer, most: number): { readonly body: Buffer; readonly inputs: number }[] {
  const input: unknown = JSON.parse(readMember(body, 'input') ?? 'null');
  if (!Array.isArray(input) || typeof input[0] === 'number') return [{ body, inputs: 1 }];
  if (input.length <= most) return [{ body, inputs: input.length }];
  return Array.from({ length: Math.ceil(input.length / most) }, (_, batch) => {
    const part = input.slice(batch * most, (batch + 1) * most);
    return { body: rewriteBody(body, { set: { input: JSON.stringify(part) } }), inputs: part.length };
  });
}

/** In the order of their inputs; undefined where one of them is no embedding. */
function readEmbeddings(data: unknown): Embedding[] | undefined {
  if (!Array.isArray(data) || !data.every(isEmbedding)) return undefined;
  const places = data.map(({ index }, at) => (Number.isSafeInteger(index) ? Number(index) : at));
  return data
    .map((each, at) => ({ each, place: places[at] ?? at }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ each }) => each);
}

function isEmbedding(value: unknown): value is Embedding {
  if (!isRecord(value)) return false;
  const { embedding } = value;
  return typeof embedding === 'string' || (Array.isArray(embedding) && embedding.every(Number.isFinite));
}

/** Is an upstream's list already in the order and the encoding that are wanted? */
function isReady(data: unknown, embeddings: readonly Embedding[], encoding: Encoding): boolean {
  if (!Array.isArray(data)) return false;
  return embeddings.every((each, at) => {
    const isEncoded = (typeof each.embedding === 'string') === (encoding === 'base64');
    return each === data[at] && each['index'] === at && isEncoded;
  });
}

function join(
  answers: readonly Record<string, unknown>[],
  embeddings: readonly Embedding[],
  encoding: Encoding,
): Buffer {
  const encode = encoding === 'base64' ? toBase64 : toFloats;
  const data = embeddings.map((each, index) => ({
    ...each,
    object: 'embedding',
    index,
    embedding: encode(each.embedding),
  }));
  const usage = sumUsage(answers.map((answer) => answer['usage']));
  return Buffer.from(JSON.stringify({ ...answers[0], data, ...(usage && { usage }) }));
}

function addUsage(one: Usage | undefined, other: Usage | undefined): Usage | undefined {
  if (!one || !other) return one ?? other;
  return {
    promptTokens: one.promptTokens + other.promptTokens,
    completionTokens: one.completionTokens + other.completionTokens,
  };
}
