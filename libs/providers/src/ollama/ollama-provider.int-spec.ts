import { describe, expect, it } from '@jest/globals';
import { collectCall, type CollectOptions } from '../../../../test/support/collect-call.js';
import { ollamaAnswer, ollamaLines } from '../../../../test/support/wire/ollama-answers.js';
import { ollamaScene } from './testing/scene.js';

const scene = ollamaScene();
const { collect } = scene;

const bodyOf = (extra: object) =>
  Buffer.from(JSON.stringify({ model: 'public', messages: [{ role: 'user', content: 'Hi' }], ...extra }));

/** The chunks of a stream; `[DONE]` must be its end. */
async function chunks(options: CollectOptions = {}) {
  const { text, end, frames } = await collect(options);
  const events = text.split('\n\n').slice(0, -1);
  expect(events.at(-1)).toBe('data: [DONE]');
  const parsed = events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)) as Chunk);
  return { chunks: parsed, choices: parsed.flatMap(({ choices }) => choices), end, frames };
}

interface Chunk {
  readonly id: string;
  readonly created: number;
  readonly usage?: object | null;
  readonly choices: readonly {
    readonly delta: {
      readonly content?: string;
      readonly reasoning_content?: string;
      readonly tool_calls?: readonly object[];
    };
    readonly finish_reason: string | null;
    readonly logprobs: object | null;
  }[];
}

async function whole(options: CollectOptions = {}) {
  const { text, end } = await collect({ stream: false, ...options });
  return { answer: JSON.parse(text) as Record<string, unknown>, end };
}

const USAGE = { promptTokens: 11, completionTokens: 2 };
const CALLS = [
  { name: 'weather', arguments: { city: 'Oslo', days: 2 } },
  { name: 'time', arguments: {}, id: 'call_of_ollama' },
];

describe('a streamed chat completion', () => {
  it('has a role, the pieces, a finish and one id, and no usage that nobody asked for', async () => {
    scene.wire.script(ollamaAnswer('Hello there'));
    const { chunks: all, choices, end } = await chunks();
    expect(choices.map(({ delta, finish_reason: finish }) => [delta, finish])).toEqual([
      [{ role: 'assistant', content: '' }, null],
      [{ content: 'Hello' }, null],
      [{ content: ' there' }, null],
      [{}, 'stop'],
    ]);
    expect(new Set(all.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
    expect(all[0]).toMatchObject({
      object: 'chat.completion.chunk',
      model: 'llama3.2',
      id: expect.stringMatching(/^chatcmpl-/),
    });
    expect(all.every((chunk) => !('usage' in chunk))).toBe(true);
    expect(end).toEqual({ ok: true, usage: USAGE });
    const [call] = scene.wire.calls;
    expect(call?.path).toBe('/api/chat');
    expect(call?.headers).toMatchObject({
      'x-request-id': 'req_0_test-1',
      'content-type': 'application/json',
    });
  });

  it('has the usage last for whoever asked, and null before', async () => {
    scene.wire.script(ollamaAnswer('Hello there'));
    const { chunks: all } = await chunks({ includeUsage: true });
    const usage = { prompt_tokens: 11, completion_tokens: 2, total_tokens: 13 };
    expect(all.map((chunk) => chunk.usage)).toEqual([null, null, null, null, usage]);
    expect(all.at(-1)?.choices).toEqual([]);
  });

  it('has the thoughts apart from what is said', async () => {
    scene.wire.script(ollamaAnswer({ thinking: 'Let me see', text: 'Yes' }));
    const { choices } = await chunks();
    const said = choices.map(({ delta }) => delta);
    expect(said.map((delta) => delta.reasoning_content ?? '').join('')).toBe('Let me see');
    expect(said.map((delta) => delta.content ?? '').join('')).toBe('Yes');
  });

  it('has calls of tools, each with an index and an id, and says so at its end', async () => {
    scene.wire.script(ollamaAnswer({ calls: CALLS }));
    const { choices, end } = await chunks();
    const calls = choices.flatMap(({ delta }) => delta.tool_calls ?? []);
    expect(calls).toEqual([
      {
        ...{ index: 0, id: expect.stringMatching(/^call_[0-9a-f]{24}$/), type: 'function' },
        function: { name: 'weather', arguments: '{"city":"Oslo","days":2}' },
      },
      { index: 1, id: 'call_of_ollama', type: 'function', function: { name: 'time', arguments: '{}' } },
    ]);
    expect(choices.at(-1)?.finish_reason).toBe('tool_calls');
    expect(end.ok).toBe(true);
  });

  it.each<[string | null, string]>([
    ['stop', 'stop'],
    ['length', 'length'],
    [null, 'stop'],
  ])('that ends with %s has the finish reason %s', async (doneReason, finish) => {
    scene.wire.script(ollamaAnswer({ text: 'Hi', doneReason }));
    expect((await chunks()).choices.at(-1)?.finish_reason).toBe(finish);
  });

  it('has log probabilities in the form of OpenAI', async () => {
    scene.wire.script(ollamaAnswer({ text: 'Hi', logprobs: true }));
    const score = { token: 'Hi', logprob: -0.5, bytes: [72, 105] };
    const { choices } = await chunks();
    expect(choices[1]?.logprobs).toEqual({ content: [{ ...score, top_logprobs: [score] }], refusal: null });
  });

  it('counts what arrived where Ollama does not', async () => {
    scene.wire.script(ollamaAnswer({ text: 'Hello there', counts: null }));
    expect((await collect()).end).toEqual({ ok: true, received: { deltas: 2, textBytes: 11 } });
  });

  it('takes a count that is left out for 0', async () => {
    scene.wire.script(ollamaAnswer({ text: 'Hi', counts: { prompt: 0 } }));
    expect((await collect()).end).toEqual({ ok: true, usage: { promptTokens: 0, completionTokens: 1 } });
  });

  it('is whole once Ollama is done, though the connection stays', async () => {
    const said = { message: { role: 'assistant', content: 'Hi' }, done: true, done_reason: 'stop' };
    scene.wire.script(async (call) => {
      call.response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      await call.write(`${JSON.stringify(said)}\n`);
    });
    const { content, end } = await collect();
    expect([content, end.ok]).toEqual(['Hi', true]);
  });

  it('does not need the last line break', async () => {
    scene.wire.script(
      ollamaLines({ message: { content: 'Hi' } }, JSON.stringify({ message: { content: '' }, done: true })),
    );
    const { content, end } = await collect();
    expect([content, end.ok]).toEqual(['Hi', true]);
  });
});

describe('an answer without stream', () => {
  it('is one body', async () => {
    scene.wire.script(ollamaAnswer({ text: 'Hello there', thinking: 'Hm', doneReason: 'length' }));
    const { answer, end } = await whole();
    const message = { role: 'assistant', content: 'Hello there', refusal: null, reasoning_content: 'Hm' };
    expect(answer).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'llama3.2',
      choices: [{ index: 0, message, logprobs: null, finish_reason: 'length' }],
      usage: { prompt_tokens: 11, completion_tokens: 2, total_tokens: 13 },
    });
    expect(end).toEqual({ ok: true, usage: USAGE });
    expect(scene.wire.calls[0]?.json?.['stream']).toBe(false);
  });

  it('has calls of tools without an index, and no empty text beside them', async () => {
    scene.wire.script(ollamaAnswer({ calls: CALLS }));
    const { answer } = await whole();
    const function_ = { name: 'time', arguments: '{}' };
    expect(answer['choices']).toMatchObject([
      {
        message: {
          content: null,
          tool_calls: [{}, { id: 'call_of_ollama', type: 'function', function: function_ }],
        },
        finish_reason: 'tool_calls',
      },
    ]);
    expect(JSON.stringify(answer)).not.toContain('"index":1');
  });
});

describe('a legacy completion', () => {
  const completion = { endpoint: 'completions', body: Buffer.from('{"prompt":"Say"}') } as const;

  it('streams texts', async () => {
    scene.wire.script(ollamaAnswer({ text: 'Hello there', thinking: 'Hm' }));
    const { text, content, end } = await collect({ ...completion, includeUsage: true });
    expect(content).toBe('Hello there');
    expect(text).toContain('"object":"text_completion"');
    expect(text).not.toContain('reasoning');
    expect(text).not.toContain('role');
    expect(end).toEqual({ ok: true, usage: USAGE });
    expect(scene.wire.calls[0]?.path).toBe('/api/generate');
  });

  it('is one body', async () => {
    scene.wire.script(ollamaAnswer('Hello there'));
    const { answer } = await whole(completion);
    expect(answer).toMatchObject({
      object: 'text_completion',
      choices: [{ index: 0, text: 'Hello there', logprobs: null, finish_reason: 'stop' }],
    });
  });
});

describe('thinking', () => {
  const thinks = () => scene.wire.calls.map(({ json }) => json?.['think']);

  it('is asked for by its degree where the model knows degrees', async () => {
    await collect({ model: 'gpt-oss', body: bodyOf({ reasoning_effort: 'low' }) });
    expect(thinks()).toEqual(['low']);
  });

  it('is switched on where the model knows no degrees', async () => {
    const { end } = await collect({ body: bodyOf({ reasoning_effort: 'low' }) });
    expect([end.ok, thinks()]).toEqual([true, ['low', true]]);
  });

  it('that the caller asks for is not left out in silence', async () => {
    const { end } = await collect({ model: 'tiny', body: bodyOf({ reasoning_effort: 'low' }) });
    expect(end).toMatchObject({
      ok: false,
      facts: { status: 400, message: '"tiny" does not support thinking' },
    });
  });

  it('that only the configuration asks for is left out where the model does not know it, at once the next time', async () => {
    const told = scene.serve({ defaults: { think: 'high' } });
    for (const _ of [1, 2]) expect((await collectCall(told, { model: 'tiny' })).end.ok).toBe(true);
    expect(thinks()).toEqual(['high', true, undefined, undefined]);
    await told.close();
  });
});
