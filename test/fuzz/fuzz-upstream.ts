import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The text that it answers with, over several chunks. */
export const ANSWER = 'All is well.';
const WORDS = ['All', ' is', ' well.'];

/** Who asks for an answer of 10 MB. */
export const LARGE_USER = 'large';
const LARGE_EVENTS = 1_000;
const LARGE_EVENT_BYTES = 10_000;

const USAGE = { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 };
const HEAD = { id: 'chatcmpl-1', created: 1_700_000_000, model: 'm' };

/** Answers every endpoint at once, whatever it is asked: what goes wrong in front of it is not its fault. */
export interface FuzzUpstream {
  readonly baseUrl: string;
  readonly close: () => Promise<void>;
}

export async function startFuzzUpstream(): Promise<FuzzUpstream> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void readText(request).then((text) => {
      const body = parseObject(text);
      if (body['user'] === LARGE_USER) return sendLarge(response);
      const [type, answer] = answerTo(request.url ?? '', body);
      response.writeHead(200, { 'content-type': type }).end(answer);
      return undefined;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const piece of request.setEncoding('utf8')) text += String(piece);
  } catch {
    // Aborted, because the client in front of it has left.
  }
  return text;
}

function answerTo(path: string, body: Readonly<Record<string, unknown>>): [type: string, body: string] {
  if (path.endsWith('/models')) return json({ object: 'list', data: [{ id: 'm', object: 'model' }] });
  const { stream, input } = body;
  if (path.endsWith('/embeddings')) return json(embeddings(input));
  if (path.endsWith('/moderations')) return json({ id: 'modr-1', model: 'm', results: [{ flagged: false }] });
  if (path.endsWith('/rerank')) return json({ results: [{ index: 0, relevance_score: 0.5 }] });
  const kind = path.endsWith('/chat/completions') ? CHAT : TEXT;
  const indexes = Array.from({ length: countChoices(body) }, (_, index) => index);
  if (stream === true) return ['text/event-stream', eventsOf(kind, indexes).map(toEvent).join('')];
  const choices = indexes.map((index) => ({ index, ...kind.whole, finish_reason: 'stop' }));
  return json({ ...HEAD, object: kind.object, choices, usage: USAGE });
}

/** `n` for each prompt, as OpenAI has it; a list of numbers is one prompt. */
function countChoices({ n, prompt }: Readonly<Record<string, unknown>>): number {
  const prompts = Array.isArray(prompt) && typeof prompt[0] !== 'number' ? prompt.length : 1;
  return prompts * (typeof n === 'number' ? n : 1);
}

/** How an endpoint writes a whole choice, and a part of one. */
interface Kind {
  readonly object: string;
  readonly chunk: string;
  readonly whole: object;
  readonly part: (text: string) => object;
}

const CHAT: Kind = {
  object: 'chat.completion',
  chunk: 'chat.completion.chunk',
  whole: { message: { role: 'assistant', content: ANSWER } },
  part: (content) => ({ delta: { content } }),
};
const TEXT: Kind = {
  object: 'text_completion',
  chunk: 'text_completion',
  whole: { text: ANSWER },
  part: (text) => ({ text }),
};

function eventsOf(kind: Kind, indexes: readonly number[]): (object | string)[] {
  const event = (index: number, text: string, finish: string | null) =>
    chunk(kind, [{ index, ...kind.part(text), finish_reason: finish }]);
  return [
    ...indexes.flatMap((index) => [
      ...WORDS.map((word) => event(index, word, null)),
      event(index, '', 'stop'),
    ]),
    { ...chunk(kind, []), usage: USAGE },
    '[DONE]',
  ];
}

function chunk(kind: Kind, choices: readonly object[]): object {
  return { ...HEAD, object: kind.chunk, choices };
}

/** Several times what the buffers between the two ends of a connection hold, in many events, as models send them. */
async function sendLarge(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const event = toEvent(largeChunk('x'.repeat(LARGE_EVENT_BYTES), null));
  for (let left = LARGE_EVENTS; left > 0 && response.writable; left--) {
    response.write(event);
    await sleep(1);
  }
  response.end([largeChunk('', 'stop'), '[DONE]'].map(toEvent).join(''));
}

function largeChunk(text: string, finish: string | null): object {
  return chunk(CHAT, [{ index: 0, ...CHAT.part(text), finish_reason: finish }]);
}

/** A vector for each input, as a list of numbers. */
function embeddings(input: unknown): object {
  const isOne = !Array.isArray(input) || typeof input[0] === 'number';
  const count = isOne ? 1 : input.length;
  const data = Array.from({ length: count }, (_, index) => ({
    object: 'embedding',
    index,
    embedding: [0.5, -0.5],
  }));
  return { object: 'list', model: 'm', data, usage: { prompt_tokens: count, total_tokens: count } };
}

function toEvent(data: object | string): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}

function json(value: object): [string, string] {
  return ['application/json', JSON.stringify(value)];
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
