import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PYTHON_SETUP_MS } from '../support/python.js';
import type { Upstream } from '../support/upstream.js';
import type { Behaviour } from '../support/upstream-behaviours.js';
import { answer, json, status } from '../support/upstream-behaviours.js';
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

/** A whole answer that is one tool call. */
function callTool(name: string, args: string): Behaviour {
  const tool_calls = [{ id: 'call_1', type: 'function', function: { name, arguments: args } }];
  const message = { role: 'assistant', content: null, tool_calls };
  return json({
    id: 'chatcmpl-tool',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-4o-mini',
    choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
  });
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
    upstream.script(answer('Hello!'), callTool('get_weather', '{"location": "Boston"}'));
    expect(await printed({ files: [first, file], after })).toBe('Hello!\n{"location": "Boston"}\n');
    expect(lastCall()).toMatchObject({ tools: [weather], messages: said("What's the weather in Boston?") });
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
