import { describe, expect, it } from '@jest/globals';
import { readControls } from '#core/controls.js';
import type { Endpoint } from '#core/endpoint.js';
import { readBody } from '../bodies/read-body.js';
import { HTTP_ROUTES } from '../http-routes.js';
import type { Schema } from './schema.js';
import { SCHEMAS, type SchemaName } from './schemas.js';
import { schemaCheck } from './testing/validate.js';

/** A body of each endpoint that is taken. */
const BODIES: Readonly<Record<Endpoint, Readonly<Record<string, unknown>>>> = {
  chat: { model: 'm', messages: [{ role: 'user', content: 'Hello' }] },
  completions: { model: 'm', prompt: 'Hello' },
  embeddings: { model: 'm', input: 'Hello' },
  moderations: { model: 'm', input: 'Hello' },
  rerank: { model: 'm', query: 'Hello', documents: ['Hello'] },
};

const REQUEST_OF = {
  chat: HTTP_ROUTES.completeChat.body,
  completions: HTTP_ROUTES.complete.body,
  embeddings: HTTP_ROUTES.embed.body,
  moderations: HTTP_ROUTES.moderate.body,
  rerank: HTTP_ROUTES.rerank.body,
} as const;

const ENDPOINTS = Object.keys(BODIES) as Endpoint[];

/** Members that the broker reads, at any endpoint. */
const MEMBERS = [
  ...['model', 'messages', 'prompt', 'input', 'query', 'documents', 'n', 'stream', 'stream_options'],
  ...['encoding_format', 'dimensions', 'spillway'],
];

/** `undefined` takes a member away. */
const VALUES = [
  ...[undefined, null, '', 'x', 'float', 'base64', 'x'.repeat(512), 'x'.repeat(513), true, false],
  ...[0, 1, -1, 1.5, 128, 129],
  ...[[], [''], ['x'], ['x', ''], [1], [-1], [1.5], [[1]], [[]], [[1], []], [null], [{}], ['x', 1], [[1], 1]],
  ...[{}, { include_usage: true }, { include_usage: null }, { include_usage: 1 }, { other: 1 }],
  ...[{ fallback: false }, { fallback: 'no' }, { forceLocal: true }, { fallbackModel: 'a/b' }],
  ...[{ fallbackModel: '' }, { fallbackProvider: 'a b' }, { fallbackProvider: 7 }],
];

function takes(endpoint: Endpoint, body: Record<string, unknown>): boolean {
  try {
    readBody(endpoint, body);
    readControls(body);
    return true;
  } catch {
    return false;
  }
}

describe('the schemas of requests', () => {
  it.each(ENDPOINTS)('refuse of %s what the broker refuses, and nothing else', (endpoint) => {
    const check = schemaCheck(REQUEST_OF[endpoint]);
    const verdicts = MEMBERS.flatMap((name) =>
      VALUES.map((value) => {
        const { [name]: _, ...rest } = BODIES[endpoint];
        const body = value === undefined ? rest : { ...rest, [name]: value };
        return { body, taken: takes(endpoint, body), valid: check(body).length === 0 };
      }),
    );
    expect(verdicts.filter(({ taken, valid }) => taken !== valid)).toEqual([]);
    // Both answers are among them.
    expect(new Set(verdicts.map(({ taken }) => taken)).size).toBe(2);
  });
});

/** What the broker passes on without a look, with everything that a chat may have. */
const WHOLE_CHAT = {
  model: 'm',
  messages: [
    { role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] },
    {
      role: 'user',
      name: 'ada',
      content: [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
        { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'c1', content: 'A cat.' },
  ],
  tools: [
    { type: 'function', function: { name: 'look', parameters: { type: 'object' }, strict: true } },
    { type: 'custom', custom: { name: 'free', format: { type: 'text' } } },
  ],
  tool_choice: { type: 'function', function: { name: 'look' } },
  response_format: { type: 'json_schema', json_schema: { name: 'a', schema: {}, strict: null } },
  logit_bias: { 50256: -100 },
  stop: ['a', 'b'],
  metadata: { a: 'b' },
  prediction: { type: 'content', content: 'A cat.' },
  a_member_that_nobody_knows: { of: ['any', 'kind'] },
};

describe('the examples', () => {
  const examples = Object.entries<Schema>(SCHEMAS).flatMap(([name, { examples = [] }]) =>
    examples.map((example) => [name as SchemaName, example] as const),
  );

  it.each(examples)('of %s is one', (name, example) => {
    expect(schemaCheck(name)(example)).toEqual([]);
  });

  it.each(ENDPOINTS)('of %s is taken by the broker', (endpoint) => {
    const [example] = examples.filter(([name]) => name === REQUEST_OF[endpoint]);
    expect(takes(endpoint, example?.[1] as Record<string, unknown>)).toBe(true);
  });
});

describe('the schema of a chat', () => {
  const check = schemaCheck('ChatCompletionRequest');

  it('takes everything that a chat may have', () => {
    expect(check(WHOLE_CHAT)).toEqual([]);
    const other = { stop: null, tool_choice: 'auto', seed: null, response_format: { type: 'text' } };
    expect(check({ ...WHOLE_CHAT, ...other })).toEqual([]);
  });

  it.each([
    ['a message of no role', { messages: [{ role: 'nobody', content: '' }] }],
    ['a content that is a number', { messages: [{ role: 'user', content: 1 }] }],
    ['a part of no type', { messages: [{ role: 'user', content: [{ type: 'smell' }] }] }],
    ['a tool of no type', { tools: [{ type: 'hammer' }] }],
    ['a choice that is none', { tool_choice: 'sometimes' }],
    ['a form that is none', { response_format: { type: 'yaml' } }],
    ['a temperature in words', { temperature: 'hot' }],
  ])('finds %s', (_, wrong) => {
    expect(check({ ...WHOLE_CHAT, ...wrong })).not.toEqual([]);
  });
});
