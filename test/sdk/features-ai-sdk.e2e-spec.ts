import { describe } from '@jest/globals';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { operateAiSdk } from './adapters/ai-sdk.js';
import { describeSdk } from './describe-sdk.js';
import { retriesAnyway, withoutControls } from './feature-checks.js';

describe('@ai-sdk/openai', () => {
  describeSdk('ai-sdk-openai', {
    open: ({ client }) => {
      const openai = createOpenAI({ baseURL: client.baseURL, apiKey: String(client.apiKey) });
      const { chat, completion, embedding } = openai;
      return { operations: operateAiSdk({ chat, completion, embedding }) };
    },
    instead: { noRetry: retriesAnyway, controls: withoutControls },
  });
});

describe('@ai-sdk/openai-compatible', () => {
  describeSdk('ai-sdk-openai-compatible', {
    open: ({ client }) => {
      const spillway = createOpenAICompatible({
        name: 'spillway',
        baseURL: client.baseURL,
        apiKey: String(client.apiKey),
        includeUsage: true,
        supportsStructuredOutputs: true,
      });
      const { chatModel: chat, completionModel: completion, embeddingModel: embedding } = spillway;
      return { operations: operateAiSdk({ chat, completion, embedding }) };
    },
    instead: { noRetry: retriesAnyway },
  });
});
