import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PYTHON_SETUP_MS } from '../support/python.js';
import type { Upstream } from '../support/upstream.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { callTools, completion, DIMENSIONS, embeddings, vectorOf } from '../support/upstream-endpoints.js';
import { startSnippets } from './snippet-scene.js';
import type { Printed, SnippetRun, SnippetScene } from './snippet-scene.js';

let scene: SnippetScene;
let upstream: Upstream;
let fallbakit: Readonly<Record<string, string>>;
let standard: Readonly<Record<string, string>>;

// A Python that starts on a busy machine may need more than Jest's 5 s.
jest.setTimeout(20_000);

beforeAll(async () => {
  scene = await startSnippets();
  ({ upstream, env: fallbakit } = scene);
  standard = { OPENAI_BASE_URL: scene.baseUrl, OPENAI_API_KEY: 'anything' };
}, PYTHON_SETUP_MS);

afterAll(() => scene?.stop());

/** Runs it and answers with what it printed on stdout; it must succeed and complain of nothing. */
async function printed(snippet: SnippetRun): Promise<string> {
  const { stdout, stderr, code } = await scene.run(snippet);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return stdout;
}

/** The last call of the upstream: to which provider, and what it was asked. */
function lastCall() {
  const call = upstream.calls.at(-1);
  return { provider: call?.path.split('/')[1], ...call?.json };
}

interface TextChunk {
  readonly choices: readonly { readonly text: string; readonly finish_reason: string | null }[];
  readonly usage?: { readonly total_tokens: number } | null;
}

function chunkOf(event: string): TextChunk {
  return JSON.parse(event.replace(/^data: /, '')) as TextChunk;
}

const said = (content: string) => [{ role: 'user', content }];

const basics = [
  { file: 'node/agentgateway-basic.mjs', prompt: 'Hello, how are you?' },
  { file: 'python/agentgateway-basic.py', prompt: 'Hello, how are you?' },
  { file: 'shell/agentgateway-verification-node.sh', prompt: 'Hello' },
  { file: 'shell/agentgateway-verification-python.sh', prompt: 'Hello' },
  { file: 'node/agentgateway-errors.mjs', prompt: 'Hello!' },
  { file: 'python/agentgateway-errors.py', prompt: 'Hello!' },
];

describe('a whole answer', () => {
  it.each(basics)('$file', async ({ file, prompt }) => {
    upstream.script(answer(`Fine: ${file} “ok”\nand more`));
    expect(await printed({ files: [file] })).toBe(`Fine: ${file} “ok”\nand more\n`);
    expect(lastCall()).toMatchObject({ provider: 'openai', model: 'gpt-4o-mini', messages: said(prompt) });
  });

  it.each(['node/fallbakit-basic.mjs', 'python/fallbakit-basic.py'])('%s', async (file) => {
    upstream.script(answer(`1. Launch ${file}`));
    expect(await printed({ files: [file], env: fallbakit })).toBe(`1. Launch ${file}\n`);
    const messages = said('Write a tiny launch checklist.');
    expect(lastCall()).toMatchObject({ provider: 'box', model: 'llama3.2', messages });
  });

  it.each(['node/agentgateway-environment.mjs', 'python/agentgateway-environment.py'])(
    '%s, with the variables that the SDKs read',
    async (file) => {
      upstream.script(answer(`configured for ${file}`));
      expect(await printed({ files: [file], env: standard })).toBe(`configured for ${file}\n`);
      expect(lastCall()).toMatchObject({ model: 'gpt-4o-mini', messages: said('Hello!') });
    },
  );

  const ask =
    'print(client.chat.completions.create(model="llama3.2", ' +
    'messages=[{"role": "user", "content": "Hi"}]).choices[0].message.content)';

  it.each<SnippetRun>([
    { files: ['python/fireworks-client.py'], after: ask },
    { files: ['python/fireworks-environment.py'], after: ask, under: 'shell/fireworks-environment.sh' },
  ])('$files $under', async (snippet) => {
    upstream.script(answer('a client that works'));
    expect(await printed(snippet)).toBe('a client that works\n');
  });

  it('python/fireworks-chat.py', async () => {
    upstream.script(answer('This is a test'));
    expect(await printed({ files: ['python/fireworks-chat.py'] })).toBe('This is a test\n');
    expect(lastCall()).toMatchObject({
      provider: 'other',
      model: 'accounts/fireworks/models/llama-v3p1-8b-instruct',
      messages: [{ role: 'system', content: 'You are a helpful assistant.' }, ...said('Say this is a test')],
    });
  });
});

describe('a stream', () => {
  it.each(['node/agentgateway-streaming.mjs', 'python/agentgateway-streaming.py'])('%s', async (file) => {
    upstream.script(answer('Once upon a time\nthere was a queue.'));
    expect(await printed({ files: [file] })).toBe('Once upon a time\nthere was a queue.');
    expect(lastCall()).toMatchObject({ stream: true, messages: said('Write a short story') });
  });

  it.each([
    ['node/fallbakit-streaming.mjs', 'node/fallbakit-basic.mjs'],
    ['python/fallbakit-streaming.py', 'python/fallbakit-basic.py'],
  ])('%s', async (file, basic) => {
    upstream.script(answer('whole'), answer('a short ünswer'));
    expect(await printed({ files: [basic, file], env: fallbakit })).toBe('whole\na short ünswer');
    expect(lastCall()).toMatchObject({ stream: true, messages: said('Stream a short answer.') });
  });
});

describe('fallback controls', () => {
  const python = 'print(completion.choices[0].message.content)';
  it.each<{ basic: string; file: string; after?: string; shown: string }>([
    { basic: 'node/fallbakit-basic.mjs', file: 'node/fallbakit-fallback-controls.mjs', shown: '' },
    {
      basic: 'python/fallbakit-basic.py',
      file: 'python/fallbakit-fallback-controls.py',
      after: python,
      shown: 'as controlled\n',
    },
    {
      basic: 'python/fallbakit-basic.py',
      file: 'python/one-level-fallback-controls.py',
      after: python,
      shown: 'as controlled\n',
    },
  ])('$file', async ({ basic, file, after = '', shown }) => {
    const before = upstream.calls.length;
    upstream.script(answer('first'), status(503), answer('as controlled'));
    expect(await printed({ files: [basic, file], after, env: fallbakit })).toBe(`first\n${shown}`);
    // The route's own fallback is another provider's.
    expect(upstream.calls.slice(before + 1).map(({ path, model }) => `${path} ${model}`)).toEqual([
      '/box/v1/chat/completions llama3.2',
      '/openai/v1/chat/completions gpt-4o-mini',
    ]);
    expect(lastCall()).toMatchObject({ messages: said('Summarize local-first routing.') });
    for (const { json } of upstream.calls.slice(before)) {
      expect(json).not.toHaveProperty('extra_body');
      expect(json).not.toHaveProperty('fallbakit');
    }
  });
});

describe('parameters and tools', () => {
  it.each([
    {
      file: 'node/agentgateway-parameters.mjs',
      first: 'node/agentgateway-streaming.mjs',
      after: 'console.log(response.choices[0].message.content);',
    },
    {
      file: 'python/agentgateway-parameters.py',
      first: 'python/agentgateway-streaming.py',
      after: 'print(response.choices[0].message.content)',
    },
  ])('$file', async ({ file, first, after }) => {
    upstream.script(answer('A story. '), answer('Qubits.'));
    expect(await printed({ files: [first, file], after })).toBe('A story. Qubits.\n');
    expect(lastCall()).toMatchObject({
      model: 'gpt-4o-mini',
      messages: [
        { role: 'system', content: 'You are a helpful assistant.' },
        ...said('Explain quantum computing'),
      ],
      temperature: 0.7,
      max_tokens: 500,
      top_p: 0.9,
      frequency_penalty: 0,
      presence_penalty: 0,
    });
  });

  const weather = {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'Get current weather for a location',
      parameters: {
        type: 'object',
        properties: { location: { type: 'string', description: 'City name' } },
        required: ['location'],
      },
    },
  };

  it.each([
    {
      file: 'node/agentgateway-tools.mjs',
      first: 'node/agentgateway-errors.mjs',
      after: 'console.log(response.choices[0].message.tool_calls[0].function.arguments);',
    },
    {
      file: 'python/agentgateway-tools.py',
      first: 'python/agentgateway-errors.py',
      after: 'print(response.choices[0].message.tool_calls[0].function.arguments)',
    },
  ])('$file', async ({ file, first, after }) => {
    upstream.script(answer('Hello!'), callTools({ name: 'get_weather', json: '{"location": "Boston"}' }));
    expect(await printed({ files: [first, file], after })).toBe('Hello!\n{"location": "Boston"}\n');
    expect(lastCall()).toMatchObject({ tools: [weather], messages: said("What's the weather in Boston?") });
  });
});

describe('embeddings', () => {
  const input = 'The quick brown fox jumps over the lazy dog';

  it.each([
    { file: 'node/agentgateway-embeddings.mjs', first: 'node/agentgateway-errors.mjs' },
    { file: 'python/agentgateway-embeddings.py', first: 'python/agentgateway-errors.py' },
  ])('$file', async ({ file, first }) => {
    // Both SDKs ask for base64, and decode what they get; not every provider knows it.
    for (const encoding of ['asked', 'float'] as const) {
      upstream.script(answer('Hello!'), embeddings({ encoding }));
      const [greeting, ...vector] = (await printed({ files: [first, file] })).split('\n');
      expect(greeting).toBe('Hello!');
      expect(JSON.parse(vector.join(' '))).toEqual(vectorOf(input));
      expect(lastCall()).toMatchObject({ provider: 'openai', input, encoding_format: 'base64' });
    }
    expect(vectorOf(input)).toHaveLength(DIMENSIONS);
  });
});

describe('legacy completions', () => {
  it('python/fireworks-completion.py', async () => {
    upstream.script(completion(' jumps over the lazy dog'));
    expect(await printed({ files: ['python/fireworks-completion.py'] })).toBe(' jumps over the lazy dog\n');
    const model = 'accounts/fireworks/models/llama-v3p1-8b-instruct';
    expect(lastCall()).toMatchObject({ provider: 'other', model, prompt: 'The quick brown fox' });
  });

  it('shell/fireworks-completion.sh, with the usage in the chunk of the finish', async () => {
    upstream.script(completion('\n  print("Hello")', { usage: 'finish' }));
    const { stdout, code } = await scene.run({ files: ['shell/fireworks-completion.sh'] });
    expect(code).toBe(0);
    const events = stdout.split('\n\n').filter(Boolean);
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events.slice(0, -1).map(chunkOf);
    expect(chunks.map(({ choices }) => choices.map(({ text }) => text).join()).join('')).toBe(
      '\n  print("Hello")',
    );
    // As the document says: no chunk of its own, and the counts where the reason of the finish is.
    expect(chunks.map(({ choices, usage }) => [choices[0]?.finish_reason, usage?.total_tokens])).toEqual([
      ...chunks.slice(1).map(() => [null, undefined]),
      ['stop', 7 + chunks.length - 1],
    ]);
    const model = 'accounts/fireworks/models/starcoder-16b-w8a16';
    expect(lastCall()).toMatchObject({ provider: 'other', model, prompt: 'def say_hello_world():' });
  });
});

describe('errors', () => {
  const refused = status(400, { message: 'that prompt is not for me', code: 'content_policy_violation' });

  it('node/agentgateway-errors.mjs', async () => {
    upstream.script(refused);
    const { stdout, stderr, code }: Printed = await scene.run({ files: ['node/agentgateway-errors.mjs'] });
    expect({ stdout, code }).toEqual({ stdout: '', code: 0 });
    expect(stderr).toBe(
      'OpenAI API error: 400 The provider openai refused the content by its policy.\nStatus: 400\n',
    );
  });

  it('python/agentgateway-errors.py', async () => {
    upstream.script(refused);
    expect(await printed({ files: ['python/agentgateway-errors.py'] })).toBe(
      "OpenAI API error: Error code: 400 - {'error': {'message': 'The provider openai refused the content by its " +
        "policy.', 'type': 'invalid_request_error', 'param': None, 'code': 'content_policy_violation'}}\n",
    );
  });
});

describe('models', () => {
  it('shell/agentgateway-models.sh', async () => {
    const { stdout, code } = await scene.run({ files: ['shell/agentgateway-models.sh'] });
    expect(code).toBe(0);
    const { data } = JSON.parse(stdout) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(['llama3.2', 'gpt-4o-mini']));
  });
});
