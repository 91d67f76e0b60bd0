import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type OpenAI from 'openai';
import { exchanges } from '../support/chat-exchanges.js';
import type { ChatExchange } from '../support/chat-exchanges.js';
import { fetchAnswer } from '../support/client.js';
import { startSdk } from '../support/sdk-under-test.js';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import type { UpstreamCall } from '../support/upstream-call.js';
import { reply, streamAs } from '../support/upstream-behaviours.js';
import { raw } from '../support/upstream-steps.js';

type Params = OpenAI.Chat.Completions.ChatCompletionCreateParamsNonStreaming;

let sdk: SdkUnderTest;

beforeAll(async () => {
  sdk = await startSdk();
}, 30_000);

afterAll(() => sdk?.stop());

const HEAD = '"id":"chatcmpl-\\u0041","created":1700000000,"model":"small-2026"';

function bodyOf({ asks, messages }: ChatExchange, stream: boolean): string {
  const more = asks === undefined ? '' : `${asks} ,`;
  return `{ "messages":${messages ?? '[{"role":"user","content":"Gr\\u00fc\\u00dfe 👋"}]'},${more}"model":"lonely", "stream" :${stream}}`;
}

/** The same with the upstream's model, and asking for the counts. */
function asSentOn(body: string, stream: boolean): string {
  const sent = body.replace('"model":"lonely"', '"model":"small"');
  return stream ? sent.replace(/\}$/, ',"stream_options":{"include_usage":true}}') : sent;
}

function wholeOf({ message, choice = '', top = '', finish = 'stop' }: ChatExchange): string {
  return `{${HEAD},"object":"chat.completion", "choices":[{"index":0,"message":${message}${choice},"finish_reason":"${finish}"}]${top}}\n`;
}

function chunksOf({ deltas = [], choice = '', top = '', finish = 'stop' }: ChatExchange): readonly string[] {
  const chunk = (delta: string, end: string) =>
    `{${HEAD},"object":"chat.completion.chunk","choices":[ {"index":0,"delta":${delta}${choice},"finish_reason":${end}}]${top},"obfuscation":"x\\u0078"}`;
  return [...deltas.map((delta) => chunk(delta, 'null')), chunk('{}', `"${finish}"`)];
}

const toEvents = (...chunks: readonly string[]) => chunks.map((chunk) => `data: ${chunk}\n\n`).join('');
const answerWith = (text: string) => reply(text, { headers: { 'content-type': 'application/json' } });
const streamOf = (exchange: ChatExchange) => streamAs({}, raw(toEvents(...chunksOf(exchange), '[DONE]')));

/** The call that the upstream has for what is done meanwhile. */
async function callOf(act: () => Promise<void>): Promise<UpstreamCall> {
  const before = sdk.upstream.calls.length;
  await act();
  expect(sdk.upstream.calls).toHaveLength(before + 1);
  return sdk.upstream.waitForCall(before + 1);
}

function post(body: string) {
  const headers = { authorization: `Bearer ${sdk.client.apiKey}` };
  return fetchAnswer(`${sdk.broker.url}/v1/chat/completions`, { body, headers });
}

/** Two texts, of megabytes maybe: where they part, and not all of both. */
function expectSame(got: string, wanted: string): void {
  let at = 0;
  while (at < wanted.length && got[at] === wanted[at]) at++;
  const around = (text: string) => text.slice(Math.max(0, at - 40), at + 80);
  expect({ length: got.length, around: around(got) }).toEqual({
    length: wanted.length,
    around: around(wanted),
  });
}

describe.each(exchanges)('$what', (exchange) => {
  it('goes through in its own bytes', async () => {
    const body = bodyOf(exchange, false);
    sdk.upstream.script(answerWith(wholeOf(exchange)));
    const call = await callOf(async () => expectSame((await post(body)).text, wholeOf(exchange)));
    expectSame(call.body.toString(), asSentOn(body, false));
  });

  it('streams in its own bytes', async () => {
    const body = bodyOf(exchange, true);
    sdk.upstream.script(streamOf(exchange));
    const call = await callOf(async () =>
      expectSame((await post(body)).text, toEvents(...chunksOf(exchange), '[DONE]')),
    );
    expectSame(call.body.toString(), asSentOn(body, true));
  });

  it('is what the SDK sends and gets', async () => {
    const params = JSON.parse(bodyOf(exchange, false)) as Params;
    sdk.upstream.script(answerWith(wholeOf(exchange)), streamOf(exchange));
    const answer: unknown = await sdk.client.chat.completions.create(params);
    expect(answer).toEqual(JSON.parse(wholeOf(exchange)));
    const chunks: unknown[] = [];
    const stream = await sdk.client.chat.completions.create({ ...params, stream: true });
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks).toEqual(chunksOf(exchange).map((chunk): unknown => JSON.parse(chunk)));
  });
});

describe.each(exchanges.filter(({ final }) => final))('$what', (exchange) => {
  it('is put together by the SDK', async () => {
    sdk.upstream.script(streamOf(exchange));
    const params = JSON.parse(bodyOf(exchange, true)) as Params & { stream: true };
    const runner = sdk.client.chat.completions.stream(params);
    const { id, created, choices } = await runner.finalChatCompletion();
    expect({ id, created }).toEqual({ id: 'chatcmpl-A', created: 1_700_000_000 });
    expect(choices).toMatchObject([
      {
        index: 0,
        message: { role: 'assistant', ...exchange.final },
        finish_reason: exchange.finish ?? 'stop',
      },
    ]);
  });
});
