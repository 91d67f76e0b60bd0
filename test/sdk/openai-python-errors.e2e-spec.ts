import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PYTHON_SETUP_MS } from '../support/python.js';
import { PythonSession } from '../support/python-session.js';
import type { Said } from '../support/python-session.js';
import { startSdk } from '../support/sdk-under-test.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import type { Upstream } from '../support/upstream.js';
import { answer, status, stream } from '../support/upstream-behaviours.js';
import { dropHere, event, hangOn, role, token } from '../support/upstream-steps.js';

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

/** The error of a call that must fail, and how many calls the upstream had. */
async function errorOf(args: string): Promise<Said & { readonly calls: number }> {
  const before = upstream.calls.length;
  const [said] = await python.run(`
try:
    answer = openai.OpenAI().chat.completions.create(**{"messages": [{"role": "user", "content": "Hi"}], ${args}})
    say(error="it did not fail")
except openai.OpenAIError as error:
    say_error(error)`);
  return { ...said, calls: upstream.calls.length - before };
}

/** What each error is for the SDK, and whether it tries again, is in errors.e2e-spec.ts. */
describe('retries', () => {
  it('waits for Retry-After, and succeeds once the provider does', async () => {
    const before = upstream.calls.length;
    upstream.script(status(429, { retryAfter: '1' }), answer('second try'));
    const [said] = await python.run(`
answer = openai.OpenAI(max_retries=1).chat.completions.create(
    model="lonely", messages=[{"role": "user", "content": "Hi"}])
say(content=answer.choices[0].message.content)`);
    expect(said).toEqual({ content: 'second try' });
    const [first, second] = upstream.calls.slice(before);
    expect(Number(second?.startedAt) - Number(first?.startedAt)).toBeGreaterThanOrEqual(900);
  });

  it('does not retry what x-should-retry forbids: the calls may be billed', async () => {
    upstream.script(status(503), status(503));
    const { calls, headers } = await errorOf('"model": "m"');
    expect(calls).toBe(2);
    expect(headers).toMatchObject({ 'x-should-retry': 'false' });
  });
});

describe('a failure in the middle of a stream', () => {
  it.each([
    { what: 'a lost connection', failure: dropHere(), more: '' },
    { what: "the provider's own error", failure: event({ error: { message: 'boom' } }), more: '' },
    {
      what: 'the deadline',
      failure: hangOn(),
      more: ', extra_headers={"x-spillway-timeout-ms": "500"}',
    },
  ])('raises APIError after the tokens so far: $what', async ({ failure, more }) => {
    upstream.script(stream(role(), token('half'), failure));
    const said = await python.run(`
stream = openai.OpenAI().chat.completions.create(
    model="lonely", messages=[{"role": "user", "content": "Hi"}], stream=True${more})
try:
    for chunk in stream:
        say(text=chunk.choices[0].delta.content)
except openai.APIError as error:
    say_error(error)`);
    expect(said.map(({ text }) => text)).toEqual(['', 'half', undefined]);
    expect(said.at(-1)).toMatchObject({ error: 'APIError', status: null });
    expect(said.at(-1)?.['code']).toMatch(/^(stream_interrupted|deadline_exceeded)$/);
    expect(said.at(-1)?.['type']).toBe('upstream_error');
  });
});
