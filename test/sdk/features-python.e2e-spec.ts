import { describe, expect, it } from '@jest/globals';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import { PythonSession } from '../support/python-session.js';
import { answer, hang, stream } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { hangOn, role, token } from '../support/upstream-steps.js';
import { operateOpenAiPython } from './adapters/openai-python.js';
import { expectHangUp } from './checks/end-checks.js';
import { describeSdk } from './describe-sdk.js';

let python: PythonSession;

function start({ client: { baseURL, apiKey } }: SdkUnderTest): Promise<PythonSession> {
  return PythonSession.start({ baseUrl: baseURL, apiKey: String(apiKey) });
}

const suite = describeSdk('python', {
  open: async (sdk) => {
    python = await start(sdk);
    return { operations: operateOpenAiPython(python), stop: () => python.stop() };
  },
});

const ASK = 'ask = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}';
const CREATE = `${ASK}\ncreate = openai.OpenAI(max_retries=0).chat.completions.create`;

it('streams to the asynchronous client', async () => {
  suite.sdk.upstream.script(answer('one two three'));
  const [said] = await python.run(`${ASK}
import asyncio
async def main():
    async with openai.AsyncOpenAI() as client:
        stream = await client.chat.completions.create(**ask, stream=True)
        return [c.choices[0].delta.content async for c in stream if c.choices[0].delta.content]
say(texts=asyncio.run(main()))`);
  expect(said).toEqual({ texts: ['one', ' two', ' three'] });
});

it('raises the deadline of a stream, after the tokens so far', async () => {
  suite.sdk.upstream.script(stream(role(), token('half'), hangOn()));
  const said = await python.run(`${CREATE}
stream = create(**ask, stream=True, extra_headers={"x-spillway-timeout-ms": "500"})
try:
    for chunk in stream:
        say(text=chunk.choices[0].delta.content)
except openai.APIError as error:
    say_error(error)`);
  expect(said.map(({ text }) => text)).toEqual(['', 'half', undefined]);
  expect(said.at(-1)).toMatchObject({ error: 'APIError', code: 'deadline_exceeded', status: null });
});

describe('the call of the provider ends', () => {
  it.each([
    ['close()', 'stream = create(**ask, stream=True)\nnext(stream)\nsay()\nstream.close()'],
    // Leaving the loop alone closes nothing: the SDK's stream is part of a cycle.
    [
      'break, and a collection',
      'for c in create(**ask, stream=True):\n  say(); break\nimport gc; gc.collect()',
    ],
  ])('by %s', async (_, leave) => {
    const { upstream } = suite.sdk;
    const number = upstream.calls.length + 1;
    const gate = createGate();
    gate.release(1);
    upstream.script(answer('one two', { gate }));
    await python.run(`${CREATE}\n${leave}`);
    await expectHangUp(upstream, number);
  });

  it("by the SDK's own timeout", async () => {
    const { upstream } = suite.sdk;
    const number = upstream.calls.length + 1;
    upstream.script(hang());
    const [said] = await python.run(`${CREATE}
try:
    create(**ask, timeout=0.3)
except openai.APITimeoutError as error:
    say_error(error)`);
    expect(said).toMatchObject({ error: 'APITimeoutError' });
    await expectHangUp(upstream, number);
  });

  it('by the death of the program', async () => {
    const { upstream } = suite.sdk;
    const doomed = await start(suite.sdk);
    const number = upstream.calls.length + 1;
    const gate = createGate();
    gate.release(1);
    upstream.script(answer('one two', { gate }));
    doomed.begin(`${CREATE}\nfor c in create(**ask, stream=True):\n  say(text=c.choices[0].delta.content)`);
    await doomed.hear(1);
    await doomed.stop('SIGKILL');
    await expectHangUp(upstream, number);
  });
});
