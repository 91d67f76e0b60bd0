import { ChatOpenAI } from '@langchain/openai';
import { expect, it } from '@jest/globals';
import { operateLangChain } from './adapters/langchain.js';
import { retriesAnyway } from './checks/end-checks.js';
import { describeSdk } from './describe-sdk.js';

const suite = describeSdk('langchain', {
  open: ({ client: { baseURL, apiKey } }) => ({
    operations: operateLangChain({ baseURL, apiKey: String(apiKey) }),
  }),
  instead: { noRetry: retriesAnyway },
});

it('asks /v1/responses, which is not there, for models whose names it knows for that', async () => {
  const { baseURL, apiKey } = suite.sdk.client;
  const model = new ChatOpenAI({
    model: 'my-codex',
    apiKey: String(apiKey),
    configuration: { baseURL },
  });
  await expect(model.invoke('Hi')).rejects.toThrow('There is nothing at POST /v1/responses.');
});
