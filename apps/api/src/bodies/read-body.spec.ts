import { describe, expect, it } from '@jest/globals';
import type { Endpoint } from '#core/endpoint.js';
import { SpillwayError } from '#core/errors.js';
import { readBody } from './read-body.js';

const COMPLETION = { model: 'm', prompt: 'Once upon' };
const EMBEDDING = { model: 'm', input: 'a text' };
const RERANK = { model: 'm', query: 'which?', documents: ['this', 'that'] };

describe('readBody', () => {
  it.each<[Endpoint, object, object]>([
    ['chat', { model: 'm', messages: [{}] }, { model: 'm', stream: false, includeUsage: false }],
    ['completions', COMPLETION, { model: 'm', stream: false, includeUsage: false }],
    ['completions', { ...COMPLETION, stream: true }, { stream: true, includeUsage: false }],
    [
      'completions',
      { ...COMPLETION, stream: true, stream_options: { include_usage: true } },
      { includeUsage: true },
    ],
    ['completions', { ...COMPLETION, stream_options: { include_usage: true } }, { includeUsage: false }],
    ['completions', { ...COMPLETION, prompt: ['one', 'two'] }, {}],
    ['completions', { ...COMPLETION, prompt: [1, 2] }, {}],
    ['completions', { ...COMPLETION, prompt: [[1, 2], [3]] }, {}],
    ['completions', { ...COMPLETION, prompt: '' }, {}],
    ['embeddings', EMBEDDING, { model: 'm', stream: false }],
    ['embeddings', { ...EMBEDDING, stream: true }, { stream: false }],
    ['embeddings', { ...EMBEDDING, input: ['a', 'b'], encoding_format: 'base64', dimensions: 3 }, {}],
    ['embeddings', { ...EMBEDDING, input: [[1], [2]], encoding_format: null, dimensions: null }, {}],
    ['moderations', { input: 'a text' }, { model: 'omni-moderation-latest' }],
    ['moderations', { model: 'mine', input: [{ type: 'text', text: 'a' }] }, { model: 'mine' }],
    ['rerank', RERANK, { model: 'm', stream: false }],
    ['rerank', { ...RERANK, documents: [{ text: 'this' }] }, {}],
  ])('%s takes %j', (endpoint, body, expected) => {
    expect(readBody(endpoint, body as Record<string, unknown>)).toMatchObject(expected);
  });

  it.each<[Endpoint, string, object]>([
    ['completions', 'prompt', { model: 'm' }],
    ['completions', 'prompt', { ...COMPLETION, prompt: [] }],
    ['completions', 'prompt', { ...COMPLETION, prompt: ['one', 2] }],
    ['completions', 'prompt', { ...COMPLETION, prompt: [[]] }],
    ['completions', 'prompt', { ...COMPLETION, prompt: [1.5] }],
    ['completions', 'n', { ...COMPLETION, n: 0 }],
    ['completions', 'stream', { ...COMPLETION, stream: 'yes' }],
    ['completions', 'stream_options.include_usage', { ...COMPLETION, stream_options: { include_usage: 1 } }],
    ['embeddings', 'model', { input: 'a' }],
    ['chat', 'model', {}],
    ['completions', 'model', { stream: 1 }],
    ['embeddings', 'input', { model: 'm' }],
    ['embeddings', 'input', { ...EMBEDDING, input: '' }],
    ['embeddings', 'input', { ...EMBEDDING, input: ['a', ''] }],
    ['embeddings', 'input', { ...EMBEDDING, input: [] }],
    ['embeddings', 'input', { ...EMBEDDING, input: [-1] }],
    ['embeddings', 'encoding_format', { ...EMBEDDING, encoding_format: 'int8' }],
    ['embeddings', 'dimensions', { ...EMBEDDING, dimensions: 0 }],
    ['moderations', 'input', { model: 'm' }],
    ['moderations', 'input[1]', { input: ['a', 7] }],
    ['moderations', 'model', { input: 'a', model: 7 }],
    ['rerank', 'query', { ...RERANK, query: '' }],
    ['rerank', 'documents', { ...RERANK, documents: [] }],
    ['rerank', 'documents[1]', { ...RERANK, documents: ['this', 7] }],
  ])('%s names `%s` as the member at fault in %j', (endpoint, param, body) => {
    const read = () => readBody(endpoint, body as Record<string, unknown>);
    expect(read).toThrow(SpillwayError);
    expect(read).toThrow(new RegExp(`^\`${param.replaceAll(/[.[\]]/g, '\\$&')}\` must `));
  });
});
