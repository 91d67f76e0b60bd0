import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { contentOf, fetchAnswer } from '../support/client.js';
import { PYTHON_SETUP_MS } from '../support/python.js';
import { PythonSession } from '../support/python-session.js';
import { MESSAGES, startSdk } from '../support/sdk-under-test.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { createGate } from '../support/upstream-gate.js';

let sdk: SdkUnderTest;
let python: PythonSession;
/** An api that sends heartbeats all the time. */
let url: string;

jest.setTimeout(30_000);

beforeAll(async () => {
  sdk = await startSdk();
  ({ url } = await sdk.broker.startApi({ HOLD_MS: '0' }));
  python = await PythonSession.start({ baseUrl: `${url}/v1`, apiKey: String(sdk.client.apiKey) });
}, PYTHON_SETUP_MS);

afterAll(async () => {
  await python?.stop();
  await sdk?.stop();
});

const CONTINUE = { 'x-spillway-on-disconnect': 'continue' };

/** The kept stream of this request, as it came over the wire. */
async function replay(request: string) {
  const headers = { authorization: `Bearer ${sdk.client.apiKey}` };
  const stream = await fetchAnswer(`${sdk.broker.url}/v1/requests/${request}/stream`, { headers });
  expect(stream.items.filter(({ kind }) => kind === 'event').every(({ id }) => id !== undefined)).toBe(true);
  return stream;
}

describe('a stream with ids, and heartbeats between its events', () => {
  it('is read by the SDK, and again from its id', async () => {
    const gate = createGate();
    sdk.upstream.script(answer('one two three', { gate }));
    const { data, response } = await sdk
      .connect({ url })
      .chat.completions.create({ model: 'm', messages: MESSAGES, stream: true }, { headers: CONTINUE })
      .withResponse();
    const texts: string[] = [];
    gate.release(1);
    for await (const { choices } of data) {
      texts.push(choices[0]?.delta.content ?? '');
      gate.release(1);
    }
    expect(texts.join('')).toBe('one two three');
    const request = String(response.headers.get('x-request-id'));
    expect(contentOf(await replay(request))).toBe('one two three');
  });

  it('raises the error of its failure', async () => {
    const gate = createGate();
    sdk.upstream.script(answer('one two three', { gate }), answer('one two three', { gate }));
    const client = sdk.connect({ url });
    const create = () =>
      client.chat.completions
        .create({ model: 'lonely', messages: MESSAGES, stream: true }, { headers: CONTINUE })
        .withResponse();
    const { data, response } = await create();
    gate.release(1);
    const path = `${url}/v1/requests/${response.headers.get('x-request-id')}/cancel`;
    const cancel = async () => {
      for await (const { choices } of data) {
        if (choices[0]?.delta.content !== 'one') continue;
        await fetchAnswer(path, { method: 'POST', headers: { authorization: `Bearer ${client.apiKey}` } });
      }
    };
    await expect(cancel()).rejects.toMatchObject({ code: 'stream_interrupted' });
    gate.open();
  });
});

describe('a key', () => {
  it('makes the retries of an SDK one request', async () => {
    const before = sdk.upstream.calls.length;
    sdk.upstream.script(answer('only once'));
    const headers = { 'Idempotency-Key': 'of-the-sdk' };
    const ask = () =>
      sdk.connect({ url }).chat.completions.create({ model: 'm', messages: MESSAGES }, { headers });
    const [first, second] = [await ask(), await ask()];
    expect(second).toEqual(first);
    expect(second._request_id).toBe(first._request_id);
    expect(sdk.upstream.calls).toHaveLength(before + 1);
  });

  it('with another body is a conflict that no SDK tries again', async () => {
    const headers = { 'Idempotency-Key': 'conflict' };
    sdk.upstream.script(answer('one'), status(500));
    const before = sdk.upstream.calls.length;
    const client = sdk.connect({ url });
    await client.chat.completions.create({ model: 'm', messages: MESSAGES }, { headers });
    const other = client.chat.completions.create({ model: 'm', messages: MESSAGES, seed: 2 }, { headers });
    await expect(other).rejects.toMatchObject({ status: 409, code: 'idempotency_key_conflict' });
    const [said] = await python.run(`
try:
    openai.OpenAI().chat.completions.create(model="m", messages=[{"role": "user", "content": "Other"}],
        extra_headers={"Idempotency-Key": "conflict"})
except openai.ConflictError as error:
    say_error(error)`);
    expect(said).toMatchObject({ error: 'ConflictError' });
    expect(sdk.upstream.calls).toHaveLength(before + 1);
  });
});
