import { describe, expect, it } from '@jest/globals';
import { collectCall, turnLoop } from '../support/collect-call.js';
import { hang } from '../support/upstream-behaviours.js';
import { chunksIn, messageIn } from '../support/openai-answers.js';
import { COUNTS, type Said } from '../support/wire/wire.js';
import { CONFORMING, KEY } from './kinds.js';
import { bodyOf, sceneOf, TOOLS } from './scene.js';

const { prompt, completion, cached, reasoning } = COUNTS;

describe.each(CONFORMING)('an answer of the kind $kind', (kind) => {
  const { lacks, wire } = kind;
  const scene = sceneOf(kind);
  const { ask } = scene;
  const usage = {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(!lacks['cached tokens'] && { prompt_tokens_details: { cached_tokens: cached } }),
    ...(!lacks['reasoning tokens'] && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  };

  it('streams chunks of OpenAI: a role, the tokens, a finish, [DONE]', async () => {
    const { frames, content, text, end } = await ask({ text: 'Hello big world' });
    expect(content).toBe('Hello big world');
    expect(end.ok).toBe(true);
    expect(frames.filter(({ output }) => output)).toHaveLength(3);
    expect(frames.at(-1)).toMatchObject({ output: false, last: true });
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(text.split('[DONE]')).toHaveLength(2);
    const chunks = chunksIn(text);
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
    const roles = chunks.map(({ choices }) => choices[0]?.delta?.role);
    expect(roles.filter(Boolean)).toEqual(['assistant']);
    expect(roles[0]).toBe('assistant');
    const finishes = chunks.map(({ choices }) => choices[0]?.finish_reason ?? null);
    expect(finishes.filter(Boolean)).toEqual(['stop']);
    // The upstream is asked for the counts all the same; whoever did not ask gets none.
    expect(chunks.every(({ choices, usage: told = null }) => choices.length === 1 && told === null)).toBe(
      true,
    );
  });

  it('has the usage last for whoever asked, null before, and the details that there are', async () => {
    const body = bodyOf({ stream: true, stream_options: { include_usage: true } });
    const { text, end } = await ask({ text: 'Hi' }, { includeUsage: true, body });
    const chunks = chunksIn(text);
    expect(chunks.slice(0, -1).map((chunk) => chunk.usage)).toEqual(chunks.slice(0, -1).map(() => null));
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
    const told = JSON.stringify(chunks.at(-1));
    expect(told.includes('"cached_tokens":4')).toBe(!lacks['cached tokens']);
    expect(told.includes('"reasoning_tokens":3')).toBe(!lacks['reasoning tokens']);
    expect(end).toEqual({ ok: true, usage: { promptTokens: prompt, completionTokens: completion } });
  });

  it('is one body without stream', async () => {
    const { frames, text, end } = await ask({ text: 'Hello world' }, { stream: false });
    expect(end).toEqual({ ok: true, usage: { promptTokens: prompt, completionTokens: completion } });
    expect(frames).toHaveLength(1);
    const message = { role: 'assistant', content: 'Hello world', refusal: null };
    expect(JSON.parse(text)).toMatchObject({
      object: 'chat.completion',
      id: expect.stringMatching(/^chatcmpl-/),
      created: expect.any(Number),
      choices: [{ index: 0, finish_reason: 'stop', message }],
      usage,
    });
  });

  it.each<[NonNullable<Said['finish']>]>([['stop'], ['length'], ['content_filter']])(
    'says why it ended: %s',
    async (finish) => {
      const told = finish === 'content_filter' && lacks['content filter'] ? 'stop' : finish;
      for (const stream of [true, false]) {
        const { text } = await ask({ text: 'Hi', finish }, { stream });
        expect(messageIn(text, stream)).toMatchObject({ content: 'Hi', finish: told });
      }
    },
  );

  const calls = [
    { id: 'call_1', name: 'weather', input: { city: 'Oslo' } },
    { id: 'call_2', name: 'weather', input: {} },
  ];

  it.each([[true], [false]])('has parallel tool calls, each id once, stream: %s', async (stream) => {
    const { text, frames } = await ask(
      { toolCalls: calls },
      { stream, body: bodyOf({ tools: TOOLS, stream }) },
    );
    const { toolCalls, finish, content } = messageIn(text, stream);
    expect(
      toolCalls.map(({ id, type, function: { name, arguments: json } }) => [id, type, name, json]),
    ).toEqual([
      ['call_1', 'function', 'weather', '{"city":"Oslo"}'],
      ['call_2', 'function', 'weather', '{}'],
    ]);
    expect([finish, content]).toEqual(['tool_calls', '']);
    expect(frames.some(({ output }) => output)).toBe(true);
    expect(text.includes('"content":null')).toBe(!stream);
  });

  const thought = { text: 'Let me think about it.', signature: 'c2lnbmVk' };

  it.each([[true], [false]])('gives thoughts, and what signs them, stream: %s', async (stream) => {
    const body = bodyOf({ stream, reasoning_effort: 'low' });
    const { text, frames } = await ask({ thought, text: 'Yes.' }, { stream, body });
    const message = messageIn(text, stream);
    expect(message).toMatchObject({ reasoning: thought.text, content: 'Yes.' });
    const signed = expect.objectContaining({ type: 'reasoning.text', ...thought, index: 0 });
    expect(message.details).toEqual(lacks['signed thoughts'] ? [] : [signed]);
    // A thought is output: from it on nothing falls back.
    expect(frames.find(({ output }) => output)?.bytes.toString()).toContain('reasoning_content');
  });

  it.each([[true], [false]])('goes back to it with its own signed thoughts, stream: %s', async (stream) => {
    const called = {
      thought,
      toolCalls: [{ id: 'call_1', name: 'weather', input: {}, signature: 'Y2FsbGVk' }],
    };
    const asked = { tools: TOOLS, reasoning_effort: 'low', stream };
    const first = await ask(called, { stream, body: bodyOf(asked) });
    const {
      reasoning: reasoning_content,
      details: reasoning_details,
      toolCalls,
    } = messageIn(first.text, stream);
    const messages = [
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: null, reasoning_content, reasoning_details, tool_calls: toolCalls },
      { role: 'tool', tool_call_id: 'call_1', content: '12 degrees' },
    ];
    const second = await ask({ text: 'It is 12.' }, { stream, body: bodyOf({ ...asked, messages }) });
    expect(second.end.ok).toBe(true);
    const body = (await scene.upstream.waitForCall(2)).body.toString();
    expect(body).toContain(thought.text);
    expect(body).toContain('12 degrees');
    // Gemini signs the call, the others the thought.
    const signature = kind.kind === 'gemini' ? 'Y2FsbGVk' : thought.signature;
    expect(body.includes(signature)).toBe(!lacks['signed thoughts']);
  });

  if (!lacks['encrypted thoughts']) {
    it.each([[true], [false]])(
      'goes back to it with thoughts that nobody else can read, stream: %s',
      async (stream) => {
        const hidden = { thought: { ...thought, encrypted: true } as const, text: 'Yes.' };
        const asked = { reasoning_effort: 'low', stream };
        const first = await ask(hidden, { stream, body: bodyOf(asked) });
        const { content, details: reasoning_details, reasoning: shown } = messageIn(first.text, stream);
        expect([content, shown]).toEqual(['Yes.', '']);
        const messages = [
          { role: 'user', content: 'Is it?' },
          { role: 'assistant', content, reasoning_details },
          { role: 'user', content: 'Sure?' },
        ];
        expect((await ask({ text: 'Yes.' }, { stream, body: bodyOf({ ...asked, messages }) })).end.ok).toBe(
          true,
        );
        const body = (await scene.upstream.waitForCall(2)).body.toString();
        expect(body).not.toContain(thought.text);
        expect(body).toContain(thought.signature);
      },
    );
  }

  it.each([[true], [false]])('is asked for with its key and our request id, stream: %s', async (stream) => {
    await ask({ text: 'Hi' }, { request: 'req_0_abc', epoch: 3, stream });
    const { headers, path } = await scene.upstream.waitForCall(1);
    expect(headers).toMatchObject({
      'x-request-id': 'req_0_abc-3',
      'user-agent': 'spillway',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
    });
    expect(headers[kind.credentialHeader]).toContain(KEY);
    expect(path).toBe(kind.path[stream ? 'stream' : 'whole']);
  });

  it('uses a socket again', async () => {
    for (const stream of [true, false, true, false, true]) {
      await ask({ text: 'Hi' }, { stream });
      // An answer may be whole some bytes before its connection is free.
      await turnLoop();
    }
    expect(scene.upstream.calls).toHaveLength(5);
    // What is asked beside a call may have a socket of its own, and the two may change places.
    expect(new Set(scene.upstream.calls.map(({ connection }) => connection)).size).toBeLessThan(3);
  });

  it('is one of several calls where several are asked for of a kind that gives one', async () => {
    scene.upstream.script(wire.says({ text: 'one' }), wire.says({ text: 'two' }));
    const capabilities = { n: 'emulated' } as const;
    const { text } = await ask({ text: 'three' }, { stream: false, body: bodyOf({ n: 3 }), capabilities });
    const { choices } = JSON.parse(text) as { choices: { index: number; message: { content: string } }[] };
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(choices.map(({ message }) => message.content))).toEqual(new Set(['one', 'two', 'three']));
  });
});

describe.each(CONFORMING)('what the kind $kind has beside chat', (kind) => {
  const { lacks, wire } = kind;
  const scene = sceneOf(kind);

  const models = lacks['model list'] ? undefined : ['one', 'two'];
  it(`is a list of models: ${models?.join(', ') ?? 'none'}`, async () => {
    scene.upstream.scriptModels(wire.modelList('one', 'two'));
    const found = await scene.provider.discover(new AbortController().signal);
    expect(found).toMatchObject({ credential: 'ok' });
    expect(found.models).toEqual(models);
    expect(scene.upstream.modelCalls).toBe(models ? 1 : 0);
  });

  const embed = async () => {
    scene.upstream.otherwise(wire.embeddings?.() ?? hang());
    const body = Buffer.from(JSON.stringify({ model: 'm', input: ['a', 'b'], encoding_format: 'float' }));
    return collectCall(scene.provider, { endpoint: 'embeddings', stream: false, body });
  };

  if (lacks.embeddings) {
    it('is not embeddings, which is said before anything is sent', async () => {
      const facts = { kind: 'status', status: 400, param: 'model' };
      expect((await embed()).end).toMatchObject({ ok: false, phase: 'not_sent', facts });
      expect(scene.upstream.calls).toEqual([]);
    });
  } else {
    it('is a vector for each input, in their order', async () => {
      const { text, end } = await embed();
      expect(end.ok).toBe(true);
      const { data } = JSON.parse(text) as { data: { index: number; embedding: number[] }[] };
      expect(data.map(({ index, embedding }) => [index, embedding.length])).toEqual([
        [0, 4],
        [1, 4],
      ]);
      expect(data[0]?.embedding).not.toEqual(data[1]?.embedding);
    });
  }
});
