import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PYTHON_SETUP_MS } from '../support/python.js';
import { PythonSession } from '../support/python-session.js';
import type { Said } from '../support/python-session.js';
import { startSdk } from '../support/sdk-under-test.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import type { Upstream } from '../support/upstream.js';
import { answer, hang, status, stream } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-behaviours.js';
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
async function errorOf(args: string, client = ''): Promise<Said & { readonly calls: number }> {
  const before = upstream.calls.length;
  const [said] = await python.run(`
try:
    answer = openai.OpenAI(${client}).chat.completions.create(**{"messages": [{"role": "user", "content": "Hi"}], ${args}})
    say(error="it did not fail")
except openai.OpenAIError as error:
    say_error(error)`);
  return { ...said, calls: upstream.calls.length - before };
}

interface Row {
  readonly error: string;
  readonly status: number;
  readonly code: string;
  readonly args: string;
  readonly client?: string;
  readonly script?: readonly Behaviour[];
  readonly calls: number;
}

const rows: readonly Row[] = [
  {
    error: 'BadRequestError',
    status: 400,
    code: 'invalid_value',
    args: '"model": "m", "messages": []',
    calls: 0,
  },
  {
    error: 'BadRequestError',
    status: 400,
    code: 'upstream_rejected',
    args: '"model": "m", "temperature": 9',
    script: [status(422, { message: 'temperature is too high' })],
    calls: 1,
  },
  {
    error: 'AuthenticationError',
    status: 401,
    code: 'invalid_api_key',
    args: '"model": "m"',
    client: 'api_key="another"',
    calls: 0,
  },
  { error: 'NotFoundError', status: 404, code: 'model_not_found', args: '"model": "nobody"', calls: 0 },
  {
    error: 'RateLimitError',
    status: 429,
    code: 'rate_limit_exceeded',
    args: '"model": "box/limited"',
    client: 'max_retries=0',
    script: [status(429, { retryAfter: '1' })],
    calls: 1,
  },
  {
    error: 'InternalServerError',
    status: 502,
    code: 'upstream_error',
    args: '"model": "m", "stream": True',
    script: [status(500), status(500)],
    calls: 2,
  },
  {
    error: 'InternalServerError',
    status: 502,
    code: 'upstream_credentials_exhausted',
    args: '"model": "refused"',
    script: [status(401)],
    calls: 1,
  },
  {
    error: 'InternalServerError',
    status: 504,
    code: 'deadline_exceeded',
    args: '"model": "lonely", "extra_headers": {"x-spillway-timeout-ms": "300"}',
    script: [hang()],
    calls: 1,
  },
];

describe('error classes', () => {
  it.each(rows)('$error for $status $code, after $calls calls', async (row) => {
    upstream.script(...(row.script ?? []));
    const { headers, ...said } = await errorOf(row.args, row.client);
    expect(said).toMatchObject({ error: row.error, status: row.status, code: row.code, calls: row.calls });
    expect(said['request_id']).toMatch(/^req_0_/);
    expect(headers).toHaveProperty('x-request-id', said['request_id']);
    expect(said['type']).toEqual(expect.stringMatching(/_error$/));
  });
});

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

  it('is told the estimate, and not to retry, where the wait is above 60 s', async () => {
    upstream.script(status(429, { retryAfter: '200' }));
    const { headers, calls, ...error } = await errorOf('"model": "refused"');
    expect(error).toMatchObject({ error: 'RateLimitError', status: 429 });
    expect(calls).toBe(1);
    expect(headers).toMatchObject({ 'x-should-retry': 'false' });
    expect(headers).not.toHaveProperty('retry-after');
    const { 'x-spillway-eta-ms': eta } = headers as Record<string, string>;
    expect(Number(eta)).toBeGreaterThan(150_000);
    expect(Number(eta)).toBeLessThanOrEqual(200_000);
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
