import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { APIConnectionError, APIError, APIUserAbortError, InternalServerError, NotFoundError } from 'openai';
import type OpenAI from 'openai';
import { MESSAGES, startSdk } from '../support/sdk-under-test.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import type { Upstream } from '../support/upstream.js';
import { answer, hang, status } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';

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

/** What each error is for the SDKs, and whether they try again, is in errors.e2e-spec.ts. */
describe('errors', () => {
  it('NotFoundError for a model that is not here', async () => {
    const error = await errorOf(client.chat.completions.create({ model: 'nobody', messages: MESSAGES }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    expect(await errorOf(client.models.retrieve('nobody'))).toBeInstanceOf(NotFoundError);
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
