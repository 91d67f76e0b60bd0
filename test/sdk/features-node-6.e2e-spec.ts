import OpenAI6 from 'openai-6';
import { zodResponseFormat } from 'openai-6/helpers/zod';
import type OpenAI from 'openai';
import { operateOpenAiNode } from './adapters/openai-node.js';
import { describeSdk } from './describe-sdk.js';

describeSdk('node-6', {
  open: ({ client: { baseURL, apiKey } }) => {
    const client = new OpenAI6({ baseURL, apiKey: String(apiKey) });
    // One program for both majors: what it uses has the same form in them, which the compiler cannot know of classes.
    return {
      operations: operateOpenAiNode({
        client: client as unknown as OpenAI,
        responseFormat: zodResponseFormat,
      }),
    };
  },
});
