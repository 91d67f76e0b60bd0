import { operateLangChain } from './adapters/langchain.js';
import { describeSdk } from './describe-sdk.js';
import { retriesAnyway } from './feature-checks.js';

describeSdk('langchain', {
  open: ({ client: { baseURL, apiKey } }) => ({
    operations: operateLangChain({ baseURL, apiKey: String(apiKey) }),
  }),
  instead: { noRetry: retriesAnyway },
});
