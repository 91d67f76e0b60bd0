import { APIConnectionError, APIUserAbortError, NotFoundError } from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { describe, expect, it } from '@jest/globals';
import { MESSAGES } from '../support/sdk-under-test.js';
import { hang } from '../support/upstream-behaviours.js';
import { operateOpenAiNode } from './adapters/openai-node.js';
import { expectHangUp } from './checks/end-checks.js';
import { describeSdk } from './describe-sdk.js';

const suite = describeSdk('node', {
  open: ({ client }) => ({ operations: operateOpenAiNode({ client, responseFormat: zodResponseFormat }) }),
});

it('has no model that nobody has', async () => {
  await expect(suite.sdk.client.models.retrieve('nobody')).rejects.toBeInstanceOf(NotFoundError);
});

describe('the call of the provider ends', () => {
  it('when a stream is aborted that has not begun', async () => {
    const { client, upstream } = suite.sdk;
    const number = upstream.calls.length + 1;
    upstream.script(hang());
    const controller = new AbortController();
    const body = { model: 'm', messages: MESSAGES, stream: true as const };
    const call = client.chat.completions.create(body, { signal: controller.signal });
    await upstream.waitForCall(number);
    controller.abort();
    await expect(call).rejects.toBeInstanceOf(APIUserAbortError);
    await expectHangUp(upstream, number);
  });

  it("by the SDK's own timeout", async () => {
    const { client, upstream } = suite.sdk;
    const number = upstream.calls.length + 1;
    upstream.script(hang());
    const options = { timeout: 300, maxRetries: 0 };
    const call = client.chat.completions.create({ model: 'm', messages: MESSAGES }, options);
    await expect(call).rejects.toBeInstanceOf(APIConnectionError);
    await expectHangUp(upstream, number);
  });
});
