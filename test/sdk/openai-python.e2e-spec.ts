import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '../support/client.js';
import { PYTHON_SETUP_MS } from '../support/python.js';
import { PythonSession } from '../support/python-session.js';
import { startSdk } from '../support/sdk-under-test.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import type { Upstream } from '../support/upstream.js';
import { answer, gated, hang, stream } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { done, finish, role, toolCall } from '../support/upstream-steps.js';

let sdk: SdkUnderTest;
let upstream: Upstream;
let python: PythonSession;

// A Python that starts on a busy machine may need more than Jest's 5 s.
jest.setTimeout(20_000);

beforeAll(async () => {
  sdk = await startSdk();
  ({ upstream } = sdk);
  python = await PythonSession.start({ baseUrl: `${sdk.broker.url}/v1`, apiKey: String(sdk.client.apiKey) });
}, PYTHON_SETUP_MS);

afterAll(async () => {
  await python?.stop();
  await sdk?.stop();
});

const ASK = 'ask = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}';
const CREATE = `${ASK}\ncreate = openai.OpenAI().chat.completions.create`;

describe('chat.completions', () => {
  it('creates a completion', async () => {
    upstream.script(answer('Hello “there”'));
    const [said] = await python.run(`${CREATE}
completion = create(**ask)
say(content=completion.choices[0].message.content, finish=completion.choices[0].finish_reason,
    model=completion.model, usage=completion.usage.total_tokens, id=completion._request_id)`);
    expect(said).toEqual({
      content: 'Hello “there”',
      finish: 'stop',
      model: 'small',
      usage: 9,
      id: expect.stringMatching(/^req_0_/),
    });
  });

  it('streams one, token by token, with one id', async () => {
    upstream.script(answer('one two three'));
    const [said] = await python.run(`${CREATE}
chunks = list(create(**ask, stream=True))
say(texts=[c.choices[0].delta.content for c in chunks if c.choices[0].delta.content], ids=len({c.id for c in chunks}),
    end=chunks[-1].choices[0].finish_reason)`);
    expect(said).toEqual({ texts: ['one', ' two', ' three'], ids: 1, end: 'stop' });
  });

  it('streams one to the asynchronous client', async () => {
    upstream.script(answer('one two three'));
    const [said] = await python.run(`${ASK}
import asyncio
async def main():
    async with openai.AsyncOpenAI() as client:
        stream = await client.chat.completions.create(**ask, stream=True)
        return [c.choices[0].delta.content async for c in stream if c.choices[0].delta.content]
say(texts=asyncio.run(main()))`);
    expect(said).toEqual({ texts: ['one', ' two', ' three'] });
  });

  it('streams one through heartbeats, which are comments of one line', async () => {
    const { url } = await sdk.broker.startApi({ HOLD_MS: '0' });
    const gate = createGate();
    upstream.script(gated(gate, answer('late but whole')));
    // The bytes are kept as the SDK reads them, so that the test knows that it read heartbeats.
    python.begin(`${ASK}
stream = openai.OpenAI(base_url="${url}/v1").chat.completions.create(**ask, stream=True)
read, seen, told = stream.response.iter_bytes, b"", False
def tap(*rest):
    global seen, told
    for piece in read(*rest):
        seen += piece
        if seen.count(b": running\\n") >= 2 and not told:
            told = True
            say(heartbeats=True)
        yield piece
stream.response.iter_bytes = tap
text = "".join(c.choices[0].delta.content or "" for c in stream)
say(text=text, lines=seen.decode().split("\\n"))`);
    expect(await python.hear(1)).toEqual({ heartbeats: true });
    gate.open();
    const { text, lines } = (await python.end())[1] as { text: string; lines: string[] };
    expect(text).toBe('late but whole');
    // Neither id: nor retry: nor event:, each of which breaks this SDK in its own way.
    expect(lines.filter((line) => !/^(data: .*|: .*|)$/.test(line))).toEqual([]);
    const comments = lines.flatMap((line, at) => (line.startsWith(':') ? [at] : []));
    expect(comments.length).toBeGreaterThanOrEqual(2);
    expect(comments.filter((at) => lines[at + 1] === '')).toEqual([]);
    expect(lines).toContainEqual(': route provider=box model=small location=local attempts=1');
  });

  it('has usage in a chunk of its own where it is asked for, and only there', async () => {
    const program = (options: string) => `${CREATE}
say(chunks=[[len(c.choices), c.usage and c.usage.total_tokens] for c in create(**ask, stream=True${options})])`;
    upstream.script(answer('one'), answer('one'));
    const [plain] = await python.run(program(''));
    // The role, the token and the finish.
    expect(plain).toEqual({ chunks: Array.from({ length: 3 }, () => [1, null]) });
    const [asked] = await python.run(program(', stream_options={"include_usage": True}'));
    expect(asked).toEqual({ chunks: [...Array.from({ length: 3 }, () => [1, null]), [0, 8]] });
  });

  it('has usage on the last chunk where the provider puts it there', async () => {
    upstream.script(answer('one two', { usage: 'finish' }));
    const [said] = await python.run(`${CREATE}
chunks = list(create(**ask, stream=True))
say(choices=[len(c.choices) for c in chunks if not c.choices], usage=chunks[-1].usage.total_tokens,
    end=chunks[-1].choices[0].finish_reason)`);
    expect(said).toEqual({ choices: [], usage: 9, end: 'stop' });
  });

  it('brings streamed tool calls, put together by the SDK', async () => {
    upstream.script(stream(role(), toolCall('weather', '{"city":"Rome"}'), finish('tool_calls'), done()));
    const [said] = await python.run(`${ASK}
tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
with openai.OpenAI().chat.completions.stream(**ask, tools=tools) as stream:
    call = stream.get_final_completion().choices[0].message.tool_calls[0]
say(id=call.id, name=call.function.name, arguments=call.function.arguments)`);
    expect(said).toEqual({ id: 'call_0', name: 'weather', arguments: '{"city":"Rome"}' });
    expect(upstream.calls.at(-1)?.json).toHaveProperty('tools');
  });
});

describe('models', () => {
  it('lists them, and retrieves one by an id with a slash', async () => {
    await eventually(
      () => sdk.client.models.retrieve('org/announced').catch(() => undefined),
      'a worker that announces it',
    );
    const [said] = await python.run(`
client = openai.OpenAI()
say(ids=[model.id for model in client.models.list()], one=client.models.retrieve("org/announced").id)`);
    expect(said).toEqual({ ids: expect.arrayContaining(['m', 'lonely']), one: 'org/announced' });
  });
});

describe('leaving reaches the upstream within a second', () => {
  it.each([
    ['close()', 'stream = create(**ask, stream=True)\nnext(stream)\nsay()\nstream.close()'],
    [
      'the end of a with block',
      'with create(**ask, stream=True) as stream:\n  for c in stream:\n    say(); break',
    ],
    // Leaving the loop alone closes nothing: the SDK's stream is part of a cycle.
    [
      'break, and a collection',
      'for c in create(**ask, stream=True):\n  say(); break\nimport gc; gc.collect()',
    ],
  ])('by %s', async (_, leave) => {
    const before = upstream.calls.length;
    const gate = createGate();
    gate.release(1);
    upstream.script(answer('one two', { gate }));
    await python.run(`${CREATE}\n${leave}`);
    const leftAt = Date.now();
    const call = await upstream.waitForCall(before + 1);
    expect((await upstream.waitForHangUp(call)) - leftAt).toBeLessThan(1_000);
  });

  it('by a cancelled task', async () => {
    const before = upstream.calls.length;
    upstream.script(hang());
    python.begin(`${ASK}
import asyncio, sys
async def main():
    async with openai.AsyncOpenAI() as client:
        call = asyncio.create_task(client.chat.completions.create(**ask))
        await asyncio.to_thread(sys.stdin.readline)
        call.cancel()
        await asyncio.wait([call])
        say(cancelled=call.cancelled())
asyncio.run(main())`);
    const call = await upstream.waitForCall(before + 1);
    const cancelledAt = Date.now();
    python.tell('cancel');
    expect(await python.end()).toEqual([{ cancelled: true }]);
    expect((await upstream.waitForHangUp(call)) - cancelledAt).toBeLessThan(1_000);
  });

  it("by the SDK's own timeout", async () => {
    const before = upstream.calls.length;
    upstream.script(hang());
    const [said] = await python.run(
      `${CREATE}
try:
    create(**ask, timeout=0.3)
except openai.APITimeoutError as error:
    say_error(error)`.replace('openai.OpenAI()', 'openai.OpenAI(max_retries=0)'),
    );
    expect(said).toMatchObject({ error: 'APITimeoutError' });
    await upstream.waitForHangUp(await upstream.waitForCall(before + 1), 1_000);
  });

  it('by the death of the program', async () => {
    const doomed = await PythonSession.start({
      baseUrl: `${sdk.broker.url}/v1`,
      apiKey: String(sdk.client.apiKey),
    });
    const before = upstream.calls.length;
    const gate = createGate();
    gate.release(1);
    upstream.script(answer('one two', { gate }));
    doomed.begin(`${CREATE}\nfor c in create(**ask, stream=True):\n  say(text=c.choices[0].delta.content)`);
    await doomed.hear(1);
    await doomed.stop('SIGKILL');
    const killedAt = Date.now();
    const call = await upstream.waitForCall(before + 1);
    expect((await upstream.waitForHangUp(call)) - killedAt).toBeLessThan(1_000);
  });
});
