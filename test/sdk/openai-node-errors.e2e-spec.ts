import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  APIConnectionError,
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import type OpenAI from 'openai';
import { MESSAGES, startSdk } from '../support/sdk-under-test.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import type { Upstream } from '../support/upstream.js';
import { answer, hang, status, stream } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';
import { dropHere, role, token } from '../support/upstream-steps.js';

let sdk: SdkUnderTest;
let upstream: Upstream;
let client: OpenAI;

beforeAll(async () => {
  sdk = await startSdk();
  ({ upstream, client } = sdk);
}, 30_000);

afterAll(() => sdk?.stop());

/** The error of a call that must fail. */
async function errorOf(call: Promise<unknown>): Promise<APIError> {
  const outcome = await call.then(
    () => 'it did not fail',
    (error: unknown) => error,
  );
  if (outcome instanceof APIError) return outcome;
  throw new Error(`expected an APIError, got ${String(outcome)}`);
}

describe('errors', () => {
  it('AuthenticationError for a wrong key', async () => {
    const stranger = sdk.connect({ apiKey: 'another' });
    const error = await errorOf(stranger.chat.completions.create({ model: 'm', messages: MESSAGES }));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({
      status: 401,
      code: 'invalid_api_key',
      type: 'invalid_request_error',
      param: null,
    });
  });

  it('BadRequestError for a body that is wrong, with the member', async () => {
    const error = await errorOf(client.chat.completions.create({ model: 'm', messages: [] }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ status: 400, code: 'invalid_value', param: 'messages' });
    expect(error.requestID).toMatch(/^req_0_/);
  });

  it('BadRequestError for a refusal of the provider, after one call', async () => {
    const before = upstream.calls.length;
    upstream.script(status(400, { message: 'temperature is too high', param: 'temperature' }));
    const error = await errorOf(
      client.chat.completions.create({ model: 'm', messages: MESSAGES, temperature: 9 }),
    );
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ code: 'upstream_rejected', param: 'temperature' });
    expect(upstream.calls.length - before).toBe(1);
  });

  it('NotFoundError for a model that is not here', async () => {
    const error = await errorOf(client.chat.completions.create({ model: 'nobody', messages: MESSAGES }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    expect(await errorOf(client.models.retrieve('nobody'))).toBeInstanceOf(NotFoundError);
  });

  it.each([0, 1])('RateLimitError after %i retries, as many as the caller allows', async (maxRetries) => {
    const before = upstream.calls.length;
    upstream.script(...Array.from({ length: 1 + maxRetries }, () => status(429, { retryAfter: '1' })));
    // A model each: it is left alone for a second afterwards.
    const model = `box/limited-${maxRetries}`;
    const error = await errorOf(
      client.chat.completions.create({ model, messages: MESSAGES }, { maxRetries }),
    );
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    expect(error.headers?.get('retry-after')).toBe('1');
    expect(upstream.calls.length - before).toBe(1 + maxRetries);
  });

  it('a retry of the SDK succeeds once the provider does', async () => {
    upstream.script(status(429, { retryAfter: '1' }), answer('second try'));
    const completion = await client.chat.completions.create({ model: 'lonely', messages: MESSAGES });
    expect(completion.choices[0]?.message.content).toBe('second try');
  });

  it('InternalServerError where every provider failed, and no retry: the calls may be billed', async () => {
    const before = upstream.calls.length;
    upstream.script(status(500), status(500));
    const error = await errorOf(
      client.chat.completions.create({ model: 'm', messages: MESSAGES, stream: true }),
    );
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 502, code: 'upstream_error', type: 'upstream_error' });
    expect(upstream.calls.length - before).toBe(2);
  });

  it('never AuthenticationError for a credential of ours', async () => {
    upstream.script(status(401));
    const error = await errorOf(client.chat.completions.create({ model: 'refused', messages: MESSAGES }));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 502, code: 'upstream_credentials_exhausted' });
  });

  it('APIError in the middle of a stream, after the tokens so far', async () => {
    upstream.script(stream(role(), token('half'), dropHere()));
    const chunks = await client.chat.completions.create({ model: 'm', messages: MESSAGES, stream: true });
    const seen: string[] = [];
    const read = async () => {
      for await (const { choices } of chunks) seen.push(choices[0]?.delta.content ?? '');
    };
    const error = await errorOf(read());
    expect(error).toMatchObject({ code: 'stream_interrupted', type: 'upstream_error' });
    expect(seen.join('')).toBe('half');
  });
});

describe('abort', () => {
  it('of a stream reaches the upstream', async () => {
    const before = upstream.calls.length;
    upstream.script(answer('one two', { gate: createGate() }));
    const controller = new AbortController();
    const call = client.chat.completions.create(
      { model: 'm', messages: MESSAGES, stream: true },
      { signal: controller.signal },
    );
    const asked = await upstream.waitForCall(before + 1);
    const abortedAt = Date.now();
    controller.abort();
    await expect(call).rejects.toBeInstanceOf(APIUserAbortError);
    expect((await upstream.waitForHangUp(asked)) - abortedAt).toBeLessThan(1_000);
  });

  it('of a whole answer reaches the upstream', async () => {
    const before = upstream.calls.length;
    upstream.script(hang());
    const controller = new AbortController();
    const call = client.chat.completions.create(
      { model: 'm', messages: MESSAGES },
      { signal: controller.signal },
    );
    const asked = await upstream.waitForCall(before + 1);
    const abortedAt = Date.now();
    controller.abort();
    await expect(call).rejects.toBeInstanceOf(APIUserAbortError);
    expect((await upstream.waitForHangUp(asked)) - abortedAt).toBeLessThan(1_000);
  });

  it('by leaving the loop of a stream reaches the upstream', async () => {
    const gate = createGate();
    const before = upstream.calls.length;
    upstream.script(answer('one two', { gate }));
    gate.release(1);
    for await (const { choices } of await client.chat.completions.create({
      model: 'm',
      messages: MESSAGES,
      stream: true,
    })) {
      if (choices[0]?.delta.content === 'one') break;
    }
    const leftAt = Date.now();
    expect((await upstream.waitForHangUp(await upstream.waitForCall(before + 1))) - leftAt).toBeLessThan(
      1_000,
    );
  });

  it("of the SDK's own timeout reaches the upstream", async () => {
    const before = upstream.calls.length;
    upstream.script(hang());
    const error = await errorOf(
      client.chat.completions.create({ model: 'm', messages: MESSAGES }, { timeout: 300, maxRetries: 0 }),
    );
    expect(error).toBeInstanceOf(APIConnectionError);
    await upstream.waitForHangUp(await upstream.waitForCall(before + 1), 1_000);
  });
});
