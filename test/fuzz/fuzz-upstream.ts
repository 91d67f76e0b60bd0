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
  const isChat = path.endsWith('/chat/completions');
  if (stream === true)
    return ['text/event-stream', (isChat ? CHAT_EVENTS : TEXT_EVENTS).map(toEvent).join('')];
  return json(isChat ? CHAT : TEXT);
}

const choice = (part: object, finish: string | null) => ({ index: 0, ...part, finish_reason: finish });
const chatChunk = (delta: object, finish: string | null) => ({
  ...HEAD,
  object: 'chat.completion.chunk',
  choices: [choice({ delta }, finish)],
});
const CHAT = {
  ...HEAD,
  object: 'chat.completion',
  choices: [choice({ message: { role: 'assistant', content: ANSWER } }, 'stop')],
  usage: USAGE,
};
const CHAT_EVENTS = [
  ...WORDS.map((content) => chatChunk({ content }, null)),
  chatChunk({}, 'stop'),
  { ...HEAD, object: 'chat.completion.chunk', choices: [], usage: USAGE },
  '[DONE]',
];
const TEXT = {
  ...HEAD,
  object: 'text_completion',
  choices: [choice({ text: ANSWER }, 'stop')],
  usage: USAGE,
};
const TEXT_EVENTS = [
  ...WORDS.map((text) => ({ ...HEAD, object: 'text_completion', choices: [choice({ text }, null)] })),
  { ...HEAD, object: 'text_completion', choices: [choice({ text: '' }, 'stop')] },
  '[DONE]',
];

/** Several times what the buffers between the two ends of a connection hold, in many events, as models send them. */
async function sendLarge(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const event = toEvent(chatChunk({ content: 'x'.repeat(LARGE_EVENT_BYTES) }, null));
  for (let left = LARGE_EVENTS; left > 0 && response.writable; left--) {
    response.write(event);
    await sleep(1);
  }
  response.end([chatChunk({}, 'stop'), '[DONE]'].map(toEvent).join(''));
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
