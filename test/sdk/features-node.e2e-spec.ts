import { zodResponseFormat } from 'openai/helpers/zod';
import { operateOpenAiNode } from './adapters/openai-node.js';
import { describeSdk } from './describe-sdk.js';

describeSdk('node', {
  open: ({ client }) => ({ operations: operateOpenAiNode({ client, responseFormat: zodResponseFormat }) }),
});
