import { HTTP_ROUTES } from '../../apps/api/src/http-routes.js';
import type { Random } from '../support/random.js';
import type { Draft } from './draft.js';

/** The model that the scene serves. */
export const MODEL = 'm';
const NO_SUCH_ID = 'req_0_01M80BZ519P2W0Z568QXGKCPT5';
/** Few, so that requests meet the answers of others. */
const KEYS = ['key-1', 'key-2', 'key-3'];

type Body = Readonly<Record<string, unknown>>;

const MESSAGES: readonly Body[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hällo 🦙' },
  {
    role: 'user',
    content: [
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } },
    ],
  },
  {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
  },
  { role: 'tool', tool_call_id: 'c1', content: '42' },
];
const TOOL = {
  type: 'function',
  function: {
    name: 'f',
    strict: true,
    parameters: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
  },
};

/** What each inference route takes, in order. */
const BODIES: Readonly<Record<string, readonly Body[]>> = {
  '/v1/chat/completions': [
    { model: MODEL, messages: MESSAGES.slice(0, 2) },
    {
      model: MODEL,
      messages: MESSAGES,
      stream: true,
      tools: [TOOL],
      tool_choice: 'auto',
      parallel_tool_calls: false,
    },
    {
      model: MODEL,
      messages: MESSAGES,
      stream: true,
      stream_options: { include_usage: true },
      n: 1,
      temperature: 0.7,
      stop: ['\n'],
    },
    {
      model: MODEL,
      messages: MESSAGES,
      logprobs: true,
      logit_bias: { 50256: -100 },
      response_format: { type: 'json_object' },
      metadata: { a: 'b' },
    },
    {
      model: MODEL,
      messages: MESSAGES,
      spillway: { localModelOnly: true },
      max_completion_tokens: 12,
      seed: 42,
    },
    {
      model: MODEL,
      messages: MESSAGES,
      extra_body: { fallbakit: { fallback: false } },
      max_tokens: 12,
      user: 'u',
    },
  ],
  '/v1/completions': [
    { model: MODEL, prompt: 'Once upon' },
    { model: MODEL, prompt: ['one', 'two'], stream: true, suffix: 'end', echo: true },
    { model: MODEL, prompt: [[1, 2], [3]], best_of: 1, logprobs: 2 },
  ],
  '/v1/embeddings': [
    { model: MODEL, input: 'a text' },
    { model: MODEL, input: ['a', 'b', 'c'], encoding_format: 'base64', dimensions: 2 },
    { model: MODEL, input: [[1, 2], [3]], encoding_format: 'float' },
  ],
  '/v1/moderations': [
    { model: MODEL, input: 'a text' },
    { model: MODEL, input: [{ type: 'text', text: 'a' }] },
  ],
  '/v1/rerank': [{ model: MODEL, query: 'which?', documents: ['this', { text: 'that' }], top_n: 1 }],
};

/** Of the few that take most of the time, one in four draws; and every route of the api now and then. */
export function drawDraft(random: Random): Draft {
  const routes = Object.values(HTTP_ROUTES);
  const inference = routes.filter(({ path }) => BODIES[path] !== undefined);
  const { method, path } = pick(random, random.chance(0.75) ? inference : routes);
  const bodies = BODIES[path];
  const body = bodies && Buffer.from(JSON.stringify(pick(random, bodies)));
  return {
    method: method === 'GET' && random.chance(0.1) ? 'HEAD' : method,
    target: path.replace('{id}', NO_SUCH_ID).replace('{+model}', MODEL).replace('{file}', 'index.css'),
    version: 'HTTP/1.1',
    headers: drawHeaders(random, body !== undefined),
    body,
    framing: body && random.chance(0.2) ? 'chunked' : 'length',
  };
}

/** The routes that a fuzz must reach, as their requests have them. */
export function allTargets(): string[] {
  return Object.values(HTTP_ROUTES).map(({ method, path }) => `${method} ${path}`);
}

function drawHeaders(random: Random, hasBody: boolean): [string, string][] {
  const headers: [string, string][] = [['host', '127.0.0.1']];
  if (hasBody) headers.push(['content-type', 'application/json']);
  if (random.chance(0.3)) headers.push(['authorization', 'Bearer anything']);
  if (hasBody && random.chance(0.05)) headers.push(['idempotency-key', pick(random, KEYS)]);
  if (hasBody && random.chance(0.05)) headers.push(['x-spillway-on-disconnect', 'continue']);
  if (random.chance(0.05)) headers.push(['expect', '100-continue']);
  return headers;
}

/** One of a list that is not empty. */
export function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = random.pick(items);
  if (item === undefined) throw new RangeError('there is nothing to choose from');
  return item;
}
