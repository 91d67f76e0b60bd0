import { PythonSession } from '../support/python-session.js';
import { operateOpenAiPython } from './adapters/openai-python.js';
import { describeSdk } from './describe-sdk.js';

describeSdk('python', {
  open: async ({ client: { baseURL, apiKey } }) => {
    const python = await PythonSession.start({ baseUrl: baseURL, apiKey: String(apiKey) });
    return { operations: operateOpenAiPython(python), stop: () => python.stop() };
  },
});
