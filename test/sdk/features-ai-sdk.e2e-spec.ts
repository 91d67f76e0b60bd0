import { describe, expect, it } from '@jest/globals';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText } from 'ai';
import type { SdkUnderTest } from '../support/sdk-under-test.js';
import { operateAiSdk } from './adapters/ai-sdk.js';
import { withoutControls } from './checks/chat-checks.js';
import { retriesAnyway } from './checks/end-checks.js';
import { describeSdk } from './describe-sdk.js';

function accessOf({ client: { baseURL, apiKey } }: SdkUnderTest) {
  return { baseURL, apiKey: String(apiKey) };
}

// It says of each call what the model might not know.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

describe('@ai-sdk/openai', () => {
  const suite = describeSdk('ai-sdk-openai', {
    open: (sdk) => {
      const openai = createOpenAI(accessOf(sdk));
      const operations = operateAiSdk({
        chat: (model) => openai.chat(model),
        completion: (model) => openai.completion(model),
        embedding: (model) => openai.embedding(model),
      });
      return { operations };
    },
    instead: { noRetry: retriesAnyway, controls: withoutControls },
  });

  it('asks /v1/responses, which is not there, unless told to chat', async () => {
    const openai = createOpenAI(accessOf(suite.sdk));
    const call = generateText({ model: openai('m'), prompt: 'Hi' });
    await expect(call).rejects.toMatchObject({
      statusCode: 404,
      url: expect.stringMatching(/\/v1\/responses$/),
    });
  });
});

describe('@ai-sdk/openai-compatible', () => {
  describeSdk('ai-sdk-openai-compatible', {
    open: (sdk) => {
      const spillway = createOpenAICompatible({
        name: 'spillway',
        ...accessOf(sdk),
        includeUsage: true,
        supportsStructuredOutputs: true,
      });
      const operations = operateAiSdk({
        chat: (model) => spillway.chatModel(model),
        completion: (model) => spillway.completionModel(model),
        embedding: (model) => spillway.embeddingModel(model),
      });
      return { operations };
    },
    instead: { noRetry: retriesAnyway },
  });
});
